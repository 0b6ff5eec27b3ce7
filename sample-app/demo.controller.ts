import { Controller, Get, Inject, NotFoundException } from '@nestjs/common';
import { Public } from 'passport-genauth/nest';
import { SETTINGS, type Settings } from './settings.js';

/**
 * Returns the last sign-in that the emulator received, for the sample page. With a real GenAuth tenant, the audit log
 * of GenAuth's console shows it.
 */
@Public()
@Controller('demo')
export class DemoController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Get('last-sign-in')
  lastSignIn(): object {
    const last = this.settings.emulator?.signIns.at(-1);
    if (last === undefined) throw new NotFoundException('No sign-in has reached an emulator in this process.');
    return last;
  }
}
