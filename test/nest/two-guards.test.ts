import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import {
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
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
  (...of: readonly (keyof Names)[]): Marks =>
  (names) => [UseGuards(...of.map((each) => GenAuthGuard.named(names[each])))];
const ownBare: Marks = ({ own }) => [UseGuards(AuthGuard(`${own}-bearer`))];
const bare: Marks = ({ other }) => [UseGuards(AuthGuard(`${other}-bearer`))];
/** Several in one place. */
const all =
  (...marks: readonly Marks[]): Marks =>
  (names) =>
    marks.flatMap((each) => each(names));
const none: Marks = () => [];
const open: Marks = () => [Public()];
const optional: Marks = () => [OptionalAuth()];
const admin: Marks = () => [Roles('admin')];
const email: Marks = () => [RequireScopes('email')];
const otherAlone = all(open, guard('other'));

const MARKS = {
  nothing: none,
  '@Public': open,
  'its own GenAuthGuard': guard('own'),
  "the other's GenAuthGuard": guard('other'),
  "@Public and the other's GenAuthGuard": otherAlone,
} as const satisfies Record<string, Marks>;
type Name = keyof typeof MARKS;
const NAMES = Object.keys(MARKS) as Name[];

/** Statuses without a token and with nonsense, then by the other's GenAuth for the own app; `admin` has role and scope. */
const CALLERS = ['no token', 'nonsense', 'forged', 'own', 'own admin', 'other', 'other admin'] as const;
const OUTCOMES = {
  all: [200, 200, 200, 200, 200, 200, 200],
  own: [401, 401, 401, 200, 200, 401, 401],
  'own admins': [401, 401, 401, 403, 200, 401, 401],
  other: [401, 401, 401, 401, 401, 200, 200],
  'anonymous callers and other': [200, 401, 401, 401, 401, 200, 200],
  'admins of other': [401, 401, 401, 401, 401, 403, 200],
  'no caller': [401, 401, 401, 401, 401, 401, 401],
  'no caller, as own admins have no token of other': [401, 401, 401, 403, 401, 401, 401],
} as const;
type Admitted = keyof typeof OUTCOMES;

/** By the decorators of the class, in the order of {@link NAMES} for those of the handler. */
const TABLE: Readonly<Record<Name, readonly Admitted[]>> = {
  nothing: ['own', 'all', 'own', 'no caller', 'other'],
  '@Public': ['all', 'all', 'own', 'other', 'other'],
  'its own GenAuthGuard': ['own', 'all', 'own', 'no caller', 'other'],
  "the other's GenAuthGuard": ['no caller', 'all', 'no caller', 'no caller', 'other'],
  "@Public and the other's GenAuthGuard": ['other', 'all', 'no caller', 'other', 'other'],
};

type Row = readonly [title: string, onClass: Marks, onHandler: Marks, admitted: Admitted];
const ROWS: readonly Row[] = [
  ...NAMES.flatMap((onClass) =>
    NAMES.map((onHandler, i): Row => [
      `${onClass}, handler: ${onHandler}`,
      MARKS[onClass],
      MARKS[onHandler],
      TABLE[onClass][i] ?? 'no caller',
    ]),
  ),
  // The other decorators belong to the guards on the route.
  ["nothing, handler: @Public, the other's guard and @Roles", none, all(otherAlone, admin), 'admins of other'],
  ["@Public, the other's guard and @Roles, handler: nothing", all(otherAlone, admin), none, 'admins of other'],
  ["@Public and the other's guard, handler: @Roles", otherAlone, admin, 'admins of other'],
  ["@Public and the other's guard, handler: @RequireScopes", otherAlone, email, 'admins of other'],
  ["@Roles, handler: @Public and the other's guard", admin, otherAlone, 'admins of other'],
  ["@Public, handler: the other's guard and @Roles", open, all(guard('other'), admin), 'admins of other'],
  ["the other's guard, handler: @Public and @Roles", guard('other'), all(open, admin), 'admins of other'],
  [
    "nothing, handler: @Public, the other's guard, @OptionalAuth",
    none,
    all(otherAlone, optional),
    'anonymous callers and other',
  ],
  ["@Public and the other's guard, handler: @OptionalAuth", otherAlone, optional, 'anonymous callers and other'],
  ["@OptionalAuth, handler: @Public and the other's guard", optional, otherAlone, 'other'],
  ["nothing, handler: the other's guard and @OptionalAuth", none, all(guard('other'), optional), 'no caller'],
  // No route is open by decorators that each of two guards leaves to the other.
  [
    'both guards, handler: @Public and @Roles',
    guard('own', 'other'),
    all(open, admin),
    'no caller, as own admins have no token of other',
  ],
  ['nothing, handler: @Public and both guards', none, all(open, guard('own', 'other')), 'no caller'],
  // AuthGuard of the own application closes a route as its GenAuthGuard does, and the global guard reads the decorators.
  ['@Roles, handler: @Public and its own AuthGuard', admin, all(open, ownBare), 'own admins'],
  ['@Roles and its own AuthGuard, handler: @Public', all(admin, ownBare), open, 'own'],
  ['nothing, handler: @Public and its own AuthGuard', none, all(open, ownBare), 'own'],
  ['@OptionalAuth, handler: its own AuthGuard', optional, ownBare, 'own'],
  // AuthGuard reads no decorators, so the global guard does.
  ["nothing, handler: @Public and the other's AuthGuard", none, all(open, bare), 'other'],
  ["@Public, handler: the other's AuthGuard", open, bare, 'other'],
  ["nothing, handler: the other's AuthGuard", none, bare, 'no caller'],
  ["the other's AuthGuard, handler: @Public", bare, open, 'other'],
  [
    "nothing, handler: @Public, the other's AuthGuard and @Roles",
    none,
    all(open, bare, admin),
    'no caller, as own admins have no token of other',
  ],
  [
    "@Public and the other's AuthGuard, handler: @Roles",
    all(open, bare),
    admin,
    'no caller, as own admins have no token of other',
  ],
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
        ...ROWS.map(([, onClass, onHandler], i) =>
          buildMarkedController(`rows/${i}`, onClass(names), onHandler(names)),
        ),
        buildMarkedController('login', [], [UseGuards(GenAuthPasswordGuard.named(other))]),
        buildMarkedController('bare-login', [], [UseGuards(AuthGuard(`${other}-password`))]),
      ],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard.named(own) }],
    });
  });
  afterAll(async () => {
    await running.close();
    for (const issuer of Object.values(issuers)) await issuer.close();
  });

  const listStatuses = async (path: string): Promise<number[]> => {
    const rights = { roles: ['admin'], scope: 'openid email' };
    const tokenOf = (name: string, claims: object): string =>
      bearer(issuers[name]!, { aud: appIds[name], roles: [], ...claims });
    const authorizations: Readonly<Record<(typeof CALLERS)[number], string | undefined>> = {
      'no token': undefined,
      nonsense: 'Bearer a.b.c',
      forged: tokenOf(other, { ...rights, aud: appIds[own] }),
      own: tokenOf(own, {}),
      'own admin': tokenOf(own, rights),
      other: tokenOf(other, {}),
      'other admin': tokenOf(other, rights),
    };
    const statuses: number[] = [];
    for (const caller of CALLERS) {
      const authorization = authorizations[caller];
      const headers = authorization === undefined ? {} : { authorization };
      statuses.push((await send(`${running.url}/${path}`, { headers })).status);
    }
    return statuses;
  };

  it.each(ROWS.map(([title, , , admitted], i) => [title, admitted, i] as const))(
    'class: %s: lets in %s',
    async (_title, admitted, i) => {
      expect(await listStatuses(`rows/${i}`)).toEqual(OUTCOMES[admitted]);
    },
  );

  it.each(['login', 'bare-login'])("the other's /%s takes credentials without a token", async (path) => {
    expect(await send(`${running.url}/${path}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});
