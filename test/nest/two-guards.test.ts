import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import {
  GenAuthGuard,
  GenAuthModule,
  Introspect,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, Issuer } from '../support/issuer.js';
import { type Mark, bearer, buildMarkedController } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();

const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';

/** Of the application with the global guard, and of the other one. */
type Names = Readonly<Record<'own' | 'other', string>>;
type Marks = (names: Names) => readonly Mark[];
const guard =
  (of: keyof Names): Marks =>
  (names) => [UseGuards(GenAuthGuard.named(names[of]))];
const bare =
  (of: keyof Names): Marks =>
  (names) => [UseGuards(AuthGuard(`${names[of]}-bearer`))];

const MARKS = {
  nothing: () => [],
  '@Public': () => [Public()],
  'its own GenAuthGuard': guard('own'),
  "the other's GenAuthGuard": guard('other'),
  'its own AuthGuard': bare('own'),
  "the other's AuthGuard": bare('other'),
} as const satisfies Record<string, Marks>;
type Name = keyof typeof MARKS;
const NAMES = Object.keys(MARKS) as Name[];

/** Whom a route lets in: everybody, bearers of the application with the global guard, of the other one, or no one. */
type Needs = 'all' | 'own' | 'other' | 'none';
/** By what stands on the class, in the order of {@link NAMES} for what stands on the handler. */
const TABLE: Readonly<Record<Name, readonly Needs[]>> = {
  nothing: ['own', 'all', 'own', 'other', 'own', 'other'],
  '@Public': ['all', 'all', 'own', 'other', 'own', 'other'],
  'its own GenAuthGuard': ['own', 'all', 'own', 'other', 'own', 'other'],
  "the other's GenAuthGuard": ['other', 'all', 'own', 'other', 'own', 'other'],
  // Passport's guards do not know @Public, nor when to step aside: two of them want two tokens in one header.
  'its own AuthGuard': ['own', 'own', 'own', 'none', 'own', 'none'],
  "the other's AuthGuard": ['other', 'other', 'none', 'other', 'none', 'other'],
};
const CELLS = NAMES.flatMap((onClass) =>
  NAMES.map((onHandler, i) => [onClass, onHandler, TABLE[onClass][i] ?? 'none'] as const),
);

/** What else a route asks of the bearers whom the other's guard lets in: the rights are theirs. */
const WITH_RIGHTS: readonly (readonly [title: string, onClass: Marks, onHandler: Marks])[] = [
  ['both on the handler', () => [], (names) => [...guard('other')(names), Roles('admin')]],
  ['both on the class', (names) => [...guard('other')(names), Roles('admin')], () => []],
  ['the roles on the class, the guard on the handler', () => [Roles('admin')], guard('other')],
  ['the guard on the class, the roles on the handler', guard('other'), () => [Roles('admin')]],
  ['the guard on the class, the scopes on the handler', guard('other'), () => [RequireScopes('email'), Roles('admin')]],
  ['under a public class', () => [Public()], (names) => [Roles('admin'), ...guard('other')(names)]],
  ["under the own one's guard", guard('own'), (names) => [...guard('other')(names), RequireScopes('email')]],
];

/** `AuthGuard` reads none of these, so the route would be open to everybody whom it lets in. */
const UNREAD: readonly (readonly [title: string, onClass: Marks, onHandler: Marks])[] = [
  ['both on the handler', () => [], (names) => [...bare('other')(names), Roles('admin')]],
  ['both on the class', (names) => [...bare('other')(names), RequireScopes('email')], () => []],
  ['the roles on the class, the guard on the handler', () => [Roles('admin')], bare('other')],
  ['the guard on the class, the roles on the handler', bare('other'), () => [Roles('admin')]],
  ['with @Introspect', () => [], (names) => [...bare('other')(names), Introspect()]],
  ['with @Tenant', () => [], (names) => [...bare('other')(names), Tenant(() => 't')]],
];

const CASES = (Object.keys(PLATFORMS) as Platform[]).flatMap((platform) =>
  (['genauth', 'staff'] as const).map((own) => [platform, own, own === 'staff' ? 'genauth' : 'staff'] as const),
);

describe.each(CASES)('on %s, the guard of %s is global and that of %s stands on routes', (platform, own, other) => {
  const issuers: Record<string, Issuer> = {};
  let running: RunningApp;
  const names: Names = { own, other };
  const appIds: Readonly<Record<string, string>> = { genauth: APP_ID, staff: STAFF_ID };

  beforeAll(async () => {
    for (const name of [own, other]) issuers[name] = await Issuer.start();
    running = await startNestApp(platform, {
      imports: [own, other].map((name) =>
        GenAuthModule.forRoot({ ...issuers[name]!.clientOptions, appId: appIds[name] ?? '', name }),
      ),
      controllers: [
        ...CELLS.map(([onClass, onHandler], i) =>
          buildMarkedController(`cells/${i}`, MARKS[onClass](names), MARKS[onHandler](names)),
        ),
        ...WITH_RIGHTS.map(([, onClass, onHandler], i) =>
          buildMarkedController(`rights/${i}`, onClass(names), onHandler(names)),
        ),
        ...UNREAD.map(([, onClass, onHandler], i) =>
          buildMarkedController(`unread/${i}`, onClass(names), onHandler(names)),
        ),
        buildMarkedController('optional-class', [OptionalAuth()], guard('other')(names)),
        buildMarkedController('both', [], [UseGuards(GenAuthGuard.named(own), GenAuthGuard.named(other))]),
        buildMarkedController('optional', [], [...guard('other')(names), OptionalAuth()]),
      ],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard.named(own) }],
    });
  });
  afterAll(async () => {
    await running.close();
    for (const issuer of Object.values(issuers)) await issuer.close();
  });

  const tokenOf = (name: string, claims: object = {}): string =>
    bearer(issuers[name]!, { aud: appIds[name], roles: [], ...claims });
  const statusOf = async (path: string, authorization?: string): Promise<number> =>
    (await send(`${running.url}/${path}`, authorization === undefined ? {} : { headers: { authorization } })).status;
  /** Nothing, nonsense, a token of the one, of the other, and of the other GenAuth for the one's app. */
  const listStatuses = async (path: string): Promise<number[]> => {
    const forged = bearer(issuers[other]!, { aud: appIds[own], roles: ['admin'] });
    const statuses: number[] = [];
    for (const each of [undefined, 'Bearer a.b.c', tokenOf(own), tokenOf(other), forged]) {
      statuses.push(await statusOf(path, each));
    }
    return statuses;
  };
  const STATUSES: Readonly<Record<Needs, readonly number[]>> = {
    all: [200, 200, 200, 200, 200],
    own: [401, 401, 200, 401, 401],
    other: [401, 401, 401, 200, 401],
    none: [401, 401, 401, 401, 401],
  };

  it.each(CELLS.map((cell, i) => [...cell, i] as const))(
    'class: %s, handler: %s: lets in %s',
    async (_onClass, _onHandler, needs, i) => {
      expect(await listStatuses(`cells/${i}`)).toEqual(STATUSES[needs]);
    },
  );

  it('both in one place: nobody has two tokens in one header', async () => {
    expect(await listStatuses('both')).toEqual(STATUSES.none);
  });

  it("@OptionalAuth with the other's guard: anonymous, or the other's", async () => {
    expect(await listStatuses('optional')).toEqual([200, 401, 401, 200, 401]);
  });

  it("@OptionalAuth on the class of a handler with the other's guard: the guard asks for a token", async () => {
    expect(await listStatuses('optional-class')).toEqual(STATUSES.other);
  });

  it.each(UNREAD.map(([title], i) => [title, i] as const))(
    "rights with the other's AuthGuard, %s: nobody gets in, and the log says what to write",
    async (_title, i) => {
      for (const each of [undefined, tokenOf(own), tokenOf(other), tokenOf(other, { roles: ['admin'] })]) {
        expect([401, 500]).toContain(await statusOf(`unread/${i}`, each));
      }
      expect(await statusOf(`unread/${i}`, tokenOf(other, { roles: ['admin'] }))).toBe(500);
      expect(running.logger.lines.join('\n')).toContain(`write GenAuthGuard.named('${other}') in its place.`);
    },
  );

  it.each(WITH_RIGHTS.map(([title], i) => [title, i] as const))(
    "rights with the other's guard, %s: asked of the other's bearers",
    async (_title, i) => {
      const rights = { roles: ['admin'], scope: 'openid email' };
      const callers = [undefined, tokenOf(own, rights), tokenOf(other), tokenOf(other, rights)];
      const statuses: number[] = [];
      for (const each of callers) statuses.push(await statusOf(`rights/${i}`, each));
      expect(statuses).toEqual([401, 401, 403, 200]);
    },
  );
});
