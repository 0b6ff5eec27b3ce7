// Imports the modules that the arguments name. Prints the time since the start of the process in milliseconds, and the
// memory of the process in MiB.
for (const what of process.argv.slice(2)) await import(what);
const milliseconds = performance.now();
process.stdout.write(JSON.stringify({ milliseconds, megabytes: process.memoryUsage.rss() / 2 ** 20 }));
