import { ArgumentsHost, Catch, ExceptionFilter, UnauthorizedException } from '@nestjs/common';
import { Response } from 'express';
import { GenAuthException } from 'passport-genauth/nest';

@Catch(UnauthorizedException)
export class UnauthorizedFilter implements ExceptionFilter {
  catch(exception: UnauthorizedException, host: ArgumentsHost) {
    const reason = exception instanceof GenAuthException ? exception.code : 'unknown';
    host.switchToHttp().getResponse<Response>().status(401).json({ page: 'sign in', reason });
  }
}
