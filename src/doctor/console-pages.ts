/** The names of the pages in GenAuth's console where the operator finds each setting. */
export const CONSOLE_PAGES = {
  endpoints: 'application → endpoint information',
  tokenAuthMethod: 'application → configuration → token-exchange authentication method',
  introspectionAuthMethod: 'application → configuration → introspection authentication method',
  revocationAuthMethod: 'application → configuration → revocation authentication method',
  idTokenAlgorithm: 'application → protocol configuration → authorization → id_token signature algorithm',
  grants: 'application → protocol configuration → authorization → authorization mode',
  callback: 'application → authentication configuration → login callback URL',
  scopes: 'application → protocol configuration → OIDC scopes',
  loginControl: 'application → login control',
  accessAuthorization: 'application → access authorization',
  users: 'user management',
  security: 'security settings',
  directories: 'LDAP and AD',
  billing: 'billing',
} as const;
