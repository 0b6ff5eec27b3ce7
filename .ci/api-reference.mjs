// Builds the API reference of all entry points from their docstrings with TypeDoc.
//
//   node .ci/api-reference.mjs           writes the reference to the folder `api`: open api/index.html
//   node .ci/api-reference.mjs --check   writes nothing
//
// Both end with exit code 1 if a public name has no docstring, or if a link in a docstring leads nowhere.
import { readFileSync } from 'node:fs';
import { Application, ReflectionKind } from 'typedoc';

const { exports, version } = JSON.parse(readFileSync('package.json', 'utf8'));
const entryPoints = Object.values(exports)
  .map((entry) => entry.types)
  .filter(Boolean)
  .map((path) => path.replace('./dist/', 'src/').replace('.d.ts', '.ts'));
const application = await Application.bootstrap({
  entryPoints,
  tsconfig: 'tsconfig.build.json',
  name: `passport-genauth ${version}`,
  readme: 'none',
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableGit: true,
  disableSources: true,
  // The docstrings have every type that a user writes. Helper types of these types are shown where they are used.
  validation: { notExported: false, invalidLink: true },
});
const project = await application.convert();
if (project === undefined) process.exit(1);
application.validate(project);

/** The kinds of names whose docstring is required. A function and a method have it on their signature. */
const KINDS =
  ReflectionKind.Class |
  ReflectionKind.Interface |
  ReflectionKind.TypeAlias |
  ReflectionKind.Variable |
  ReflectionKind.Property |
  ReflectionKind.Accessor |
  ReflectionKind.FunctionOrMethod;

/** Whether the docstring of the class describes a member. `forRoot` of a module comes from Nest's module builder. */
const isInherited = ({ inheritedFrom }) => inheritedFrom !== undefined;

/** Whether a name is a member of a type that has no name of its own. The docstring of the type describes it. */
function isInObjectType(reflection) {
  const { parent } = reflection;
  return parent !== undefined && (parent.kindOf(ReflectionKind.TypeLiteral) || isInObjectType(parent));
}

function isDocumented(reflection) {
  const { getSignature, setSignature, signatures = [] } = reflection;
  return [reflection, getSignature, setSignature, ...signatures].some((each) => each?.hasComment() === true);
}

const undocumented = project
  .getReflectionsByKind(KINDS)
  .filter((each) => !each.flags.isExternal && !isInherited(each) && !isInObjectType(each) && !isDocumented(each));
for (const reflection of undocumented) console.error(`${reflection.getFullName()}: write a docstring.`);
if (undocumented.length > 0 || application.logger.hasWarnings() || application.logger.hasErrors()) process.exit(1);
if (!process.argv.includes('--check')) await application.generateDocs(project, 'api');
