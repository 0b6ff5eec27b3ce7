import { AuthGuard } from '@nestjs/passport';
import { findGuardRole, registerAuthGuards } from '../../src/nest/guard-registry.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthPasswordGuard } from '../../src/nest/index.js';

registerAuthGuards('genauth');

class LoginGuard extends AuthGuard('genauth-password') {}
class NestedLoginGuard extends LoginGuard {}
class OwnLoginGuard extends GenAuthPasswordGuard.named('staff') {}
class UnrelatedGuard {
  canActivate = (): boolean => true;
}
const LOGIN = { kind: 'sign-in', name: 'genauth' };
const STAFF_LOGIN = { kind: 'sign-in', name: 'staff' };

it.each<[title: string, guard: unknown, role: object | undefined]>([
  ['GenAuthGuard', GenAuthGuard, { kind: 'bearer', name: 'genauth' }],
  ["GenAuthGuard.named('staff')", GenAuthGuard.named('staff'), { kind: 'bearer', name: 'staff' }],
  ['GenAuthPasswordGuard', GenAuthPasswordGuard, LOGIN],
  ['GenAuthAdGuard', GenAuthAdGuard, LOGIN],
  ["GenAuthAdGuard.named('staff')", GenAuthAdGuard.named('staff'), STAFF_LOGIN],
  ["a subclass of GenAuthPasswordGuard.named('staff')", OwnLoginGuard, STAFF_LOGIN],
  ["AuthGuard('genauth-password')", AuthGuard('genauth-password'), LOGIN],
  ["AuthGuard('genauth-ad')", AuthGuard('genauth-ad'), LOGIN],
  ["AuthGuard(['genauth-password', 'genauth-ad'])", AuthGuard(['genauth-password', 'genauth-ad']), LOGIN],
  ["AuthGuard(['genauth-ad', 'genauth-password'])", AuthGuard(['genauth-ad', 'genauth-password']), LOGIN],
  ["an instance of a subclass of AuthGuard('genauth-password')", Object.create(NestedLoginGuard.prototype), LOGIN],
  ["AuthGuard('genauth-bearer')", AuthGuard('genauth-bearer'), { kind: 'passport-bearer', name: 'genauth' }],
  ['AuthGuard of several kinds', AuthGuard(['genauth-bearer', 'genauth-password']), undefined],
  ["AuthGuard('local')", AuthGuard('local'), undefined],
  ['an instance of an unrelated guard', new UnrelatedGuard(), undefined],
  ['an object without a prototype', Object.create(null), undefined],
  ['undefined', undefined, undefined],
])('finds the role of %s', (_title, guard, role) => {
  const found = findGuardRole(guard);
  expect(found && { kind: found.kind, name: found.name }).toEqual(role);
});
