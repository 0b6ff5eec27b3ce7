import { parseIpAddress } from '../../../src/core/sign-in/ip-address.js';

it.each<[string, string, string]>([
  ['IPv4', '203.0.113.7', '203.0.113.7'],
  ['IPv4 with a port of one digit', '0.0.0.0:0', '0.0.0.0'],
  ['IPv4 with a port of five digits', '255.255.255.255:65535', '255.255.255.255'],
  ['IPv6 without abbreviation', '2001:0DB8:0000:0000:0000:0000:0000:0007', '2001:db8::7'],
  ['IPv6 in brackets', '[2001:db8::7]', '2001:db8::7'],
  ['IPv6 in brackets with a port of one digit', '[2001:db8::7]:1', '2001:db8::7'],
  ['IPv6 in brackets with zone and a port of five digits', '[fe80::1%25eth0]:65535', 'fe80::1'],
  ['64 characters', `fe80::1%${'z'.repeat(56)}`, 'fe80::1'],
  ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
  ['IPv4 in IPv6 with short groups', '0:0:0:0:0:FFFF:1:2', '0.1.0.2'],
  ['IPv4-compatible IPv6, which stays IPv6', '::203.0.113.7', '::cb00:7107'],
])('reads %s', (_name, value, expected) => {
  expect(parseIpAddress(value)).toBe(expected);
});

it.each<[string, unknown]>([
  ['an array', ['203.0.113.7']],
  ['a zone without address', '%eth0'],
  ['white space before the address', ' 203.0.113.7'],
  ['a line break after the address', '203.0.113.7\n'],
  ['two addresses', '203.0.113.7, 198.51.100.1'],
  ['IPv4 with an empty port', '203.0.113.7:'],
  ['IPv4 with a port of six digits', '203.0.113.7:123456'],
  ['IPv6 with an open bracket', '[2001:db8::7'],
  ['IPv6 in brackets with a port of six digits', '[2001:db8::7]:123456'],
  ['text before the bracket', 'x[2001:db8::7]'],
  ['text after the bracket', '[2001:db8::7]x'],
  ['65 characters', `fe80::1%${'z'.repeat(57)}`],
])('refuses %s', (_name, value) => {
  expect(parseIpAddress(value)).toBeUndefined();
});
