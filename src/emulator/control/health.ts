import type { Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';
import { CONTROL_PATH } from './control.js';

/** The path at which scripts and containers ask whether the emulator has started. */
export const HEALTH_PATH = `${CONTROL_PATH}/health`;

/** Answers `GET /emulator/v1/health`. Unlike the control operations it also answers other machines. */
export const getHealth: Operation<EmulatorState> = ({ issuer }) => ({ status: 200, body: { status: 'ok', issuer } });
