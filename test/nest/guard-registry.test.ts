import { AuthGuard } from '@nestjs/passport';
import { findGuardRole, registerAuthGuards } from '../../src/nest/guard-registry.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthPasswordGuard } from '../../src/nest/index.js';

for (const name of ['genauth', 'staff']) registerAuthGuards(name);

class LoginGuard extends AuthGuard('genauth-password') {}
class NestedLoginGuard extends LoginGuard {}
class OwnLoginGuard extends GenAuthPasswordGuard.named('staff') {}
class OwnBearerGuard extends GenAuthGuard {}
class UnrelatedGuard {
  canActivate(): boolean {
    return true;
  }
}
const create = (Guard: { prototype: object }): object => Object.create(Guard.prototype) as object;

const LOGIN = { kind: 'sign-in', name: 'genauth' };
const STAFF_LOGIN = { kind: 'sign-in', name: 'staff' };
const BEARER = { kind: 'bearer', name: 'genauth' };

it.each<[title: string, guard: unknown, role: object | undefined]>([
  ['GenAuthGuard', GenAuthGuard, BEARER],
  ['an instance of GenAuthGuard', create(GenAuthGuard), BEARER],
  ['a subclass of GenAuthGuard', OwnBearerGuard, BEARER],
  ["GenAuthGuard.named('staff')", GenAuthGuard.named('staff'), { kind: 'bearer', name: 'staff' }],
  ['GenAuthPasswordGuard', GenAuthPasswordGuard, LOGIN],
  ['GenAuthAdGuard', GenAuthAdGuard, LOGIN],
  ["GenAuthAdGuard.named('staff')", GenAuthAdGuard.named('staff'), STAFF_LOGIN],
  ["a subclass of GenAuthPasswordGuard.named('staff')", OwnLoginGuard, STAFF_LOGIN],
  ["AuthGuard('genauth-password')", AuthGuard('genauth-password'), LOGIN],
  ["AuthGuard('genauth-ad')", AuthGuard('genauth-ad'), LOGIN],
  ["AuthGuard(['genauth-password'])", AuthGuard(['genauth-password']), LOGIN],
  ["AuthGuard(['genauth-password', 'genauth-ad'])", AuthGuard(['genauth-password', 'genauth-ad']), LOGIN],
  ["AuthGuard(['genauth-ad', 'genauth-password'])", AuthGuard(['genauth-ad', 'genauth-password']), LOGIN],
  ["AuthGuard('staff-password')", AuthGuard('staff-password'), STAFF_LOGIN],
  ["an instance of AuthGuard('genauth-password')", create(AuthGuard('genauth-password')), LOGIN],
  ["a subclass of a subclass of AuthGuard('genauth-password')", NestedLoginGuard, LOGIN],
  ['an instance of such a subclass', create(NestedLoginGuard), LOGIN],
  ["AuthGuard('staff-bearer')", AuthGuard('staff-bearer'), { kind: 'passport-bearer', name: 'staff' }],
  ['AuthGuard of several kinds', AuthGuard(['genauth-bearer', 'genauth-password']), undefined],
  ["AuthGuard('local')", AuthGuard('local'), undefined],
  ['an unrelated guard', UnrelatedGuard, undefined],
  ['an instance of an unrelated guard', new UnrelatedGuard(), undefined],
  ['an object with canActivate', { canActivate: () => true }, undefined],
  ['an object without a prototype', Object.create(null), undefined],
  ['undefined', undefined, undefined],
])('finds the role of %s', (_title, guard, role) => {
  expect(findGuardRole(guard)).toEqual(role);
});
