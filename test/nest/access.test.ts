import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
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
import { Issuer } from '../support/issuer.js';
import { INTROSPECTION_PATH, type Mark, bearer, buildMarkedController } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();

const MARKS = {
  nothing: [],
  '@Public': [Public()],
  '@OptionalAuth': [OptionalAuth()],
  '@Roles': [Roles('admin')],
  '@RequireScopes': [RequireScopes('email')],
  '@Tenant': [Tenant(() => 'tenant-1')],
  '@Introspect': [Introspect()],
  '@UseGuards': [UseGuards(GenAuthGuard)],
} as const satisfies Record<string, readonly Mark[]>;
type Name = keyof typeof MARKS;

/** What comes back without a token, with a wrong one, with a right one of somebody without rights, of somebody with all of them. */
const STATUSES = {
  open: [200, 200, 200, 200],
  token: [401, 401, 200, 200],
  optional: [200, 401, 200, 200],
  rights: [401, 401, 403, 200],
} as const;
type Needs = keyof typeof STATUSES;

/** Behind the global guard: class, handler, and what they come to. */
const TABLE: readonly (readonly [onClass: Name, row: Partial<Record<Name, Needs>>])[] = [
  [
    'nothing',
    {
      nothing: 'token',
      '@Public': 'open',
      '@OptionalAuth': 'optional',
      '@Roles': 'rights',
      '@RequireScopes': 'rights',
      '@Tenant': 'rights',
      '@Introspect': 'token',
      '@UseGuards': 'token',
    },
  ],
  [
    '@Public',
    {
      nothing: 'open',
      '@Public': 'open',
      '@OptionalAuth': 'optional',
      '@Roles': 'rights',
      '@RequireScopes': 'rights',
      '@Tenant': 'rights',
      '@Introspect': 'token',
      '@UseGuards': 'token',
    },
  ],
  [
    '@OptionalAuth',
    {
      nothing: 'optional',
      '@Public': 'open',
      '@OptionalAuth': 'optional',
      // Nobody has a role without a token.
      '@Roles': 'rights',
      '@RequireScopes': 'rights',
      '@Tenant': 'rights',
      '@Introspect': 'optional',
    },
  ],
  ...(['@Roles', '@RequireScopes', '@Tenant'] as const).map(
    (onClass) =>
      [
        onClass,
        {
          nothing: 'rights',
          '@Public': 'open',
          '@OptionalAuth': 'rights',
          '@Roles': 'rights',
          '@RequireScopes': 'rights',
          '@Tenant': 'rights',
          '@Introspect': 'rights',
          '@UseGuards': 'rights',
        },
      ] as const,
  ),
  [
    '@Introspect',
    {
      nothing: 'token',
      '@Public': 'open',
      '@OptionalAuth': 'optional',
      '@Roles': 'rights',
      '@RequireScopes': 'rights',
      '@Tenant': 'rights',
      '@Introspect': 'token',
      '@UseGuards': 'token',
    },
  ],
  [
    '@UseGuards',
    {
      nothing: 'token',
      '@Public': 'open',
      '@OptionalAuth': 'optional',
      '@Roles': 'rights',
      '@RequireScopes': 'rights',
      '@Tenant': 'rights',
      '@Introspect': 'token',
      '@UseGuards': 'token',
    },
  ],
];
const CELLS = TABLE.flatMap(([onClass, row]) =>
  (Object.entries(row) as [Name, Needs][]).map(([onHandler, needs]) => [onClass, onHandler, needs] as const),
);
const pathOf = (onClass: Name, onHandler: Name): string =>
  `cells/${Object.keys(MARKS).indexOf(onClass)}/${Object.keys(MARKS).indexOf(onHandler)}`;

/** Several marks in one place: each counts, and what asks for a token wins over what asks for none. */
const HEAPS: readonly (readonly [title: string, marks: readonly Mark[], needs: Needs])[] = [
  ['@Public and @Roles', [Public(), Roles('admin')], 'rights'],
  ['@Roles and @Public', [Roles('admin'), Public()], 'rights'],
  ['@Public and @OptionalAuth', [Public(), OptionalAuth()], 'optional'],
  ['@Public and @Introspect', [Public(), Introspect()], 'token'],
  ['@Public and our guard', [Public(), UseGuards(GenAuthGuard)], 'token'],
  ['@OptionalAuth and our guard', [OptionalAuth(), UseGuards(GenAuthGuard)], 'optional'],
  ['@OptionalAuth and @Roles', [OptionalAuth(), Roles('admin')], 'rights'],
  ['@OptionalAuth and @RequireScopes', [OptionalAuth(), RequireScopes('email')], 'rights'],
  ['@OptionalAuth and @Tenant', [OptionalAuth(), Tenant(() => 'tenant-1')], 'rights'],
  ['@OptionalAuth and @Introspect', [OptionalAuth(), Introspect()], 'optional'],
  ['all that asks for rights', [Roles('admin'), RequireScopes('email'), Tenant(() => 'tenant-1')], 'rights'],
  ['one right that everybody has, and one that not', [RequireScopes('openid'), Roles('admin')], 'rights'],
  ['any of two scopes', [RequireScopes.any('email', 'nobodys')], 'rights'],
  ['all of two roles', [Roles.all('admin', 'auditor')], 'rights'],
];

describe.each(Object.keys(PLATFORMS) as Platform[])('what a route asks for on %s', (platform) => {
  let issuer: Issuer;
  let running: RunningApp;

  beforeAll(async () => {
    issuer = await Issuer.start();
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(issuer.clientOptions)],
      controllers: [
        ...CELLS.map(([onClass, onHandler]) =>
          buildMarkedController(pathOf(onClass, onHandler), MARKS[onClass], MARKS[onHandler]),
        ),
        ...HEAPS.flatMap(([, marks], i) => [
          buildMarkedController(`heaps/class/${i}`, marks, []),
          buildMarkedController(`heaps/handler/${i}`, [], marks),
          buildMarkedController(`heaps/over-public/${i}`, [Public()], marks),
        ]),
      ],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
    issuer.reply(INTROSPECTION_PATH, { body: { active: true } });
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  const listStatuses = async (path: string): Promise<number[]> => {
    const callers = [
      undefined,
      bearer(issuer, { aud: 'another-app', scope: 'openid email', roles: ['admin', 'auditor'], tenant_id: 'tenant-1' }),
      bearer(issuer, { scope: 'openid', roles: [], tenant_id: null }),
      bearer(issuer, { scope: 'openid email', roles: ['admin', 'auditor'], tenant_id: 'tenant-1' }),
    ];
    const statuses: number[] = [];
    for (const authorization of callers) {
      const headers = authorization === undefined ? {} : { authorization };
      statuses.push((await send(`${running.url}/${path}`, { headers })).status);
    }
    return statuses;
  };

  it.each(CELLS)('class: %s, handler: %s: %s', async (onClass, onHandler, needs) => {
    expect(await listStatuses(pathOf(onClass, onHandler))).toEqual(STATUSES[needs]);
  });

  it.each(HEAPS.map(([title, , needs], i) => [title, needs, i] as const))(
    '%s in one place, wherever that is: %s',
    async (_title, needs, i) => {
      for (const place of ['class', 'handler', 'over-public']) {
        expect([place, await listStatuses(`heaps/${place}/${i}`)]).toEqual([place, STATUSES[needs]]);
      }
    },
  );
});
