import { Controller, Get, Inject, NotFoundException } from '@nestjs/common';
import { Public } from 'passport-genauth/nest';
import { NO_SIGN_IN, describeSettings, findLastSignIn } from './demo.js';
import { SETTINGS, type Settings } from './settings.js';

/** The routes for the page of the sample application. */
@Public()
@Controller('demo')
export class DemoController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Get('settings')
  describe(): object {
    return describeSettings(this.settings);
  }

  @Get('last-sign-in')
  lastSignIn(): object {
    const last = findLastSignIn(this.settings);
    if (last === undefined) throw new NotFoundException(NO_SIGN_IN);
    return last;
  }
}
