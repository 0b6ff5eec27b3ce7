// The configuration of the Nest CLI, but with all packages in the bundle.
module.exports = (options) => ({
  ...options,
  entry: './dist/main.js',
  externals: [],
  mode: 'none',
  output: { path: `${__dirname}/bundle`, filename: 'main.cjs' },
  plugins: options.plugins.filter((plugin) => plugin.constructor.name !== 'ForkTsCheckerWebpackPlugin'),
});
