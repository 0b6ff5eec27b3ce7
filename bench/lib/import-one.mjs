// Imports the modules of its arguments. Prints the milliseconds since the process started, and its memory in MiB.
for (const what of process.argv.slice(2)) await import(what);
const milliseconds = performance.now();
process.stdout.write(JSON.stringify({ milliseconds, megabytes: process.memoryUsage.rss() / 2 ** 20 }));
