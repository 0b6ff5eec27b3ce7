/** `passport-genauth/doctor`: what `npx passport-genauth doctor` does, as a function. */
export type { Advice, CheckName, DoctorReport, Finding, Observation } from './report.js';
export { type DoctorOptions, runDoctor } from './run-doctor.js';
