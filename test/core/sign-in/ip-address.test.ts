import { isIP } from 'node:net';
import fc from 'fast-check';
import { parseIpAddress } from '../../../src/core/sign-in/ip-address.js';
import { propertyRuns } from '../../support/property.js';

it.each<[string, string, string]>([
  ['IPv4', '203.0.113.7', '203.0.113.7'],
  ['IPv4 with a port', '203.0.113.7:5555', '203.0.113.7'],
  ['IPv4 with a port of one digit', '0.0.0.0:0', '0.0.0.0'],
  ['IPv4 with a port of five digits', '255.255.255.255:65535', '255.255.255.255'],
  ['IPv6', '2001:db8::7', '2001:db8::7'],
  ['IPv6 without abbreviation', '2001:0DB8:0000:0000:0000:0000:0000:0007', '2001:db8::7'],
  ['IPv6 in brackets', '[2001:db8::7]', '2001:db8::7'],
  ['IPv6 in brackets with a port of one digit', '[2001:db8::7]:1', '2001:db8::7'],
  ['IPv6 in brackets with a port of five digits', '[2001:db8::7]:65535', '2001:db8::7'],
  ['IPv6 with a zone', 'fe80::1%eth0', 'fe80::1'],
  ['IPv6 in brackets with zone and port', '[fe80::1%25eth0]:8080', 'fe80::1'],
  ['64 characters', `fe80::1%${'z'.repeat(56)}`, 'fe80::1'],
  ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
  ['IPv4 in IPv6 in hexadecimal digits', '::ffff:cb00:7107', '203.0.113.7'],
  ['IPv4 in IPv6 without abbreviation', '0:0:0:0:0:FFFF:CB00:7107', '203.0.113.7'],
  ['IPv4 in IPv6 with short groups', '::ffff:1:2', '0.1.0.2'],
  ['IPv4-compatible IPv6, which stays IPv6', '::203.0.113.7', '::cb00:7107'],
  ['a NAT64 address, which stays IPv6', '64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
])('reads %s', (_name, value, expected) => {
  expect(parseIpAddress(value)).toBe(expected);
});

it.each<[string, unknown]>([
  ['undefined', undefined],
  ['a number', 3_405_803_783],
  ['an array', ['203.0.113.7']],
  ['a String object', new String('203.0.113.7')],
  ['an empty string', ''],
  ['a zone without address', '%eth0'],
  ['a host name', 'localhost'],
  ['white space before the address', ' 203.0.113.7'],
  ['a line break after the address', '203.0.113.7\n'],
  ['two addresses', '203.0.113.7, 198.51.100.1'],
  ['a network', '203.0.113.0/24'],
  ['a number above 255', '203.0.113.256'],
  ['a leading zero', '0203.0.113.7'],
  ['full-width digits', '２０３.0.113.7'],
  ['IPv4 with an empty port', '203.0.113.7:'],
  ['IPv4 with a port of six digits', '203.0.113.7:123456'],
  ['IPv6 with nine groups', '1:2:3:4:5:6:7:8:9'],
  ['IPv6 with an open bracket', '[2001:db8::7'],
  ['IPv6 in brackets with an empty port', '[2001:db8::7]:'],
  ['IPv6 in brackets with a port of six digits', '[2001:db8::7]:123456'],
  ['text after the bracket', '[2001:db8::7]x'],
  ['empty brackets', '[]'],
  ['65 characters', `fe80::1%${'z'.repeat(57)}`],
])('refuses %s', (_name, value) => {
  expect(parseIpAddress(value)).toBeUndefined();
});

it('returns every address in a form that it returns unchanged', () => {
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6());
  const decorated = fc.oneof(
    addresses,
    fc.ipV6().map((address) => `[${address}]:443`),
  );
  fc.assert(
    fc.property(decorated, (text) => {
      const address = parseIpAddress(text) ?? '';
      expect(isIP(address)).not.toBe(0);
      expect(parseIpAddress(address)).toBe(address);
    }),
    propertyRuns(),
  );
});
