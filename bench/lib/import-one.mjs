// Imports what it is told to, and says what that took since the process began.
for (const what of process.argv.slice(2)) await import(what);
const milliseconds = performance.now();
process.stdout.write(JSON.stringify({ milliseconds, megabytes: process.memoryUsage.rss() / 2 ** 20 }));
