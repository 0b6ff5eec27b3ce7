/** The entry point `passport-genauth/doctor`: the checks of the command `npx passport-genauth doctor` as a function. */
export type { Advice, CheckName, DoctorReport, Finding, Observation } from './report.js';
export { type DoctorOptions, runDoctor } from './run-doctor.js';
