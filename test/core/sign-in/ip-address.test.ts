import { isIP } from 'node:net';
import { parseIpAddress } from '../../../src/core/sign-in/ip-address.js';

describe('parseIpAddress', () => {
  it.each<[string, string, string]>([
    ['IPv4 as it stands', '203.0.113.7', '203.0.113.7'],
    ['IPv4 with port: without it', '203.0.113.7:5555', '203.0.113.7'],
    ['IPv4 with port 0: without it', '0.0.0.0:0', '0.0.0.0'],
    ['IPv4 with a five-digit port: without it', '255.255.255.255:65535', '255.255.255.255'],
    ['IPv6 as it stands', '2001:db8::7', '2001:db8::7'],
    ['IPv6 written out: canonical', '2001:0DB8:0000:0000:0000:0000:0000:0007', '2001:db8::7'],
    ['IPv6 with two runs of zeros: the first is shortened', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['IPv6 in capitals: small letters', 'FE80::ABCD', 'fe80::abcd'],
    ['IPv6 loopback', '0:0:0:0:0:0:0:1', '::1'],
    ['IPv6 in brackets: without them', '[2001:db8::7]', '2001:db8::7'],
    ['IPv6 in brackets with port: without both', '[2001:db8::7]:443', '2001:db8::7'],
    ['IPv6 with zone: without it', 'fe80::1%eth0', 'fe80::1'],
    ['IPv6 with a zone that is a script: without it', 'fe80::1%<script>', 'fe80::1'],
    ['IPv6 in brackets with zone and port: without all three', '[fe80::1%25eth0]:8080', 'fe80::1'],
    ['IPv4 in IPv6: IPv4', '::ffff:203.0.113.7', '203.0.113.7'],
    ['IPv4 in IPv6, hexadecimal: IPv4', '::ffff:cb00:7107', '203.0.113.7'],
    ['IPv4 in IPv6, capitals and written out: IPv4', '0:0:0:0:0:FFFF:CB00:7107', '203.0.113.7'],
    ['IPv4 in IPv6, small groups: IPv4', '::ffff:1:2', '0.1.0.2'],
    ['IPv4 in IPv6, all ones: IPv4', '::ffff:255.255.255.255', '255.255.255.255'],
    ['IPv4 in IPv6 in brackets with port: IPv4', '[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['IPv4-compatible IPv6 (not mapped): stays IPv6', '::203.0.113.7', '::cb00:7107'],
    ['NAT64 prefix: stays IPv6', '64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
    ['::ffff: as a prefix of something longer: stays IPv6', '::ffff:0:203.0.113.7', '::ffff:0:cb00:7107'],
    ['an address of 64 characters with its zone', `fe80::1%${'z'.repeat(56)}`, 'fe80::1'],
  ])('%s', (_name, value, expected) => {
    expect(parseIpAddress(value)).toBe(expected);
    expect(isIP(expected)).not.toBe(0);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 3_405_803_783],
    ['a list with an address', ['203.0.113.7']],
    ['an object that prints as an address', { toString: () => '203.0.113.7' }],
    ['a String object', new String('203.0.113.7')],
    ['a promise of an address', Promise.resolve('203.0.113.7')],
    ['the empty text', ''],
    ['a lone zone', '%eth0'],
    ['a word of proxies', 'unknown'],
    ['an obfuscated identifier of RFC 7239', '_hidden'],
    ['a script', '<script>alert(1)</script>'],
    ['a host name', 'localhost'],
    ['white space before', ' 203.0.113.7'],
    ['white space after', '203.0.113.7 '],
    ['a line break after', '203.0.113.7\n'],
    ['a list in one text', '203.0.113.7, 198.51.100.1'],
    ['a NUL byte after', '203.0.113.7\0'],
    ['a network', '203.0.113.0/24'],
    ['three numbers', '203.0.113'],
    ['five numbers', '203.0.113.7.1'],
    ['a number above 255', '203.0.113.256'],
    ['a leading zero, which some read as octal', '0203.0.113.7'],
    ['hexadecimal IPv4', '0xcb.0.0x71.7'],
    ['IPv4 as one number', '3405803783'],
    ['full-width digits', '２０３.0.113.7'],
    ['IPv4 with an empty port', '203.0.113.7:'],
    ['IPv4 with a port of six digits', '203.0.113.7:123456'],
    ['IPv4 with two ports', '203.0.113.7:1:2'],
    ['IPv6 with nine groups', '1:2:3:4:5:6:7:8:9'],
    ['IPv6 with two gaps', '1::2::3'],
    ['IPv6 with a group of five digits', '2001:db8::12345'],
    ['IPv6 with an open bracket', '[2001:db8::7'],
    ['IPv6 with an empty port', '[2001:db8::7]:'],
    ['IPv6 with text after the bracket', '[2001:db8::7]x'],
    ['nested brackets', '[[2001:db8::7]]'],
    ['empty brackets', '[]'],
    ['65 characters', `fe80::1%${'z'.repeat(57)}`],
    ['a megabyte', '1'.repeat(1_000_000)],
  ])('%s is no address', (_name, value) => {
    expect(parseIpAddress(value)).toBeUndefined();
  });

  it('takes linear time for texts made to be slow', () => {
    const texts = ['1.'.repeat(32), '['.repeat(64), ':'.repeat(64), '%'.repeat(64), `${'1'.repeat(63)}:`];
    const begin = performance.now();
    for (let i = 0; i < 1000; i += 1) for (const text of texts) parseIpAddress(text);
    expect(performance.now() - begin).toBeLessThan(500);
  });

  it('gives back what it gave, once more', () => {
    for (const address of ['203.0.113.7', '2001:db8::7', '::1', '::', '64:ff9b::cb00:7107']) {
      expect(parseIpAddress(address)).toBe(address);
    }
  });
});
