import { UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import fc from 'fast-check';
import { registerAuthGuards } from '../../src/nest/guard-registry.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthPasswordGuard, Introspect } from '../../src/nest/index.js';
import { OptionalAuth, Public, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import { readRouteAccess } from '../../src/nest/route-access.js';
import { propertyRuns } from '../support/property.js';

type Decorator = ClassDecorator & MethodDecorator;
type Place = 'handler' | 'class';
for (const name of ['genauth', 'staff']) registerAuthGuards(name);

class UnrelatedGuard {
  canActivate = (): boolean => true;
}
const TENANTS = { handler: (): string => 'handler', class: (): string => 'class' };

/** Every decorator that concerns a guard, with the place as its value. The guard under test is that of `genauth`. */
const DECORATORS = {
  public: () => Public(),
  optional: () => OptionalAuth(),
  roles: (place: Place) => Roles(place),
  scopes: (place: Place) => RequireScopes(place),
  tenant: (place: Place) => Tenant(TENANTS[place]),
  introspect: (place: Place) => Introspect({ maxAge: place.length }),
  guard: () => UseGuards(GenAuthGuard),
  'AuthGuard bearer': () => UseGuards(AuthGuard('genauth-bearer')),
  'guard of staff': () => UseGuards(GenAuthGuard.named('staff')),
  'AuthGuard bearer of staff': () => UseGuards(AuthGuard('staff-bearer')),
  login: () => UseGuards(GenAuthPasswordGuard),
  'login of staff': () => UseGuards(GenAuthAdGuard.named('staff')),
  'unrelated guard': () => UseGuards(UnrelatedGuard),
} as const satisfies Record<string, (place: Place) => unknown>;
type Name = keyof typeof DECORATORS;
const NAMES = Object.keys(DECORATORS) as Name[];

const OWN_GUARDS: readonly Name[] = ['guard', 'AuthGuard bearer'];
const RIGHTS: readonly Name[] = ['roles', 'scopes', 'tenant'];
const OPENING: readonly Name[] = ['public', 'login', 'login of staff'];

/**
 * Reads the access of the guard of `name` on a route of a controller that extends a class with these decorators.
 * `isInherited`: the parent class declares the handler.
 */
function read(
  onClass: readonly Name[],
  onHandler: readonly Name[],
  onParent: readonly Name[] = [],
  { name = 'genauth', isInherited = false } = {},
) {
  class Parent {
    handle(): void {}
  }
  class Routes extends Parent {}
  class Overriding extends Parent {
    override handle(): void {}
  }
  const [controller, { prototype }] = isInherited ? [Routes, Parent] : [Overriding, Overriding];
  const descriptor = Object.getOwnPropertyDescriptor(prototype, 'handle') ?? {};
  for (const each of onParent) (DECORATORS[each]('class') as Decorator)(Parent);
  for (const each of onClass) (DECORATORS[each]('class') as Decorator)(controller);
  for (const each of onHandler) (DECORATORS[each]('handler') as Decorator)(prototype, 'handle', descriptor);
  return readRouteAccess(name, [descriptor.value as () => void, controller]);
}

/** The same decision from the table in the documentation of `readRouteAccess`. */
function predict(onClass: readonly Name[], onHandler: readonly Name[]): unknown {
  const levels = [
    ['handler', onHandler],
    ['class', onClass],
  ] as const;
  const nearest = (names: readonly Name[]) => levels.find(([, level]) => level.some((each) => names.includes(each)));
  const place = (name: Name): Place | undefined => nearest([name])?.[0];
  const isOwner = nearest(OWN_GUARDS) !== undefined || nearest(['guard of staff']) === undefined;
  const closing = isOwner ? [...OWN_GUARDS, ...RIGHTS, 'optional' as const, 'introspect' as const] : OWN_GUARDS;
  const [, decisive] = nearest([...closing, ...OPENING]) ?? ['class', closing];
  if (!decisive.some((each) => closing.includes(each))) return 'open';
  const [roles, scopes, tenant, introspect] = (['roles', 'scopes', 'tenant', 'introspect'] as const).map(place);
  const isOptional = nearest(['optional', ...OWN_GUARDS])?.[1].includes('optional') === true;
  return !isOwner
    ? { optional: false }
    : {
        roles: roles && { mode: 'any', names: [roles] },
        scopes: scopes && { mode: 'all', names: [scopes] },
        tenant: tenant && TENANTS[tenant],
        introspect: introspect?.length,
        optional: isOptional && nearest(RIGHTS) === undefined,
      };
}

it('follows the documented precedence for any decorators on class and handler', () => {
  const some = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 5 });
  fc.assert(
    fc.property(some, some, (onClass, onHandler) => {
      expect(read(onClass, onHandler)).toEqual(predict(onClass, onHandler));
    }),
    propertyRuns(2000),
  );
});

const TOKEN = { optional: false };
const ROLE = { roles: { mode: 'any', names: ['class'] } };
it.each<[title: string, onClass: Name[], onHandler: Name[], expected: unknown, onParent: Name[]]>([
  ['does not inherit @Public of the class', [], [], TOKEN, ['public']],
  ['does not inherit @OptionalAuth of the class', [], [], TOKEN, ['optional']],
  ['inherits @Public of a handler', [], ['public'], 'open', ['roles']],
  ['lets inherited @Roles override its own @Public', ['public'], [], ROLE, ['roles']],
  ['lets an inherited guard override its own @Public', ['public'], [], TOKEN, ['guard']],
])('%s', (...[, onClass, onHandler, expected, onParent]) => {
  expect([read(onClass, onHandler, onParent)]).toMatchObject([expected]);
});

it('gives the decorators of a route to the guard of the other application', () => {
  const onHandler: Name[] = ['public', 'guard of staff', 'roles'];
  expect(read([], onHandler, [], { name: 'staff' })).toMatchObject({ roles: { names: ['handler'] }, optional: false });
});

it.each<[title: string, onClass: Name[], onHandler: Name[], onParent: Name[], expected: unknown]>([
  ['keeps @Public of an inherited handler', [], ['public'], ['roles'], 'open'],
  ['lets @Roles of the class override @Public of an inherited handler', ['roles'], ['public'], [], ROLE],
  ['lets @Public of the class override @Roles of an inherited handler', ['public'], ['roles'], [], 'open'],
  ['lets a guard of the class override @Public of an inherited handler', ['guard'], ['public'], [], TOKEN],
  ['keeps @Roles of an inherited handler', [], ['roles'], [], { roles: { names: ['handler'] } }],
  ['does not inherit @Public of the class with an inherited handler', [], [], ['public'], TOKEN],
  ['inherits @Roles of the class with an inherited handler', [], [], ['roles'], ROLE],
])('%s', (...[, onClass, onHandler, onParent, expected]) => {
  expect([read(onClass, onHandler, onParent, { isInherited: true })]).toMatchObject([expected]);
});
