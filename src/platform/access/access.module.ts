import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { LOG, type Log } from '../../contracts/log.js';
import { AccessGuard } from './access.guard.js';
import { AccessTokensController } from './access-tokens.controller.js';
import { AccessTokens } from './access-tokens.service.js';
import { AccessService } from './access.service.js';
import { CredentialCache } from './credential-cache.js';
import { handOverByTerminalOrFile } from './credentials-handover.js';
import { CREDENTIALS_HANDOVER, FirstAdministrator, type CredentialsHandover } from './first-administrator.js';
import { LoginDelays } from './login-delays.js';
import { OAuthController } from './oauth.controller.js';
import { PasswordHash } from './password-hash.js';
import { RefusalAudit } from './refusal-audit.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

/** Users, rights and the guard before every route. Needs DocumentStore, SETTINGS, CLOCK, LOG, AuditModule and JobsModule (all global). */
@Global()
@Module({
  controllers: [UsersController, AccessTokensController, OAuthController],
  providers: [
    PasswordHash, CredentialCache, LoginDelays, AccessService, AccessTokens, UsersService, RefusalAudit, FirstAdministrator, AccessGuard,
    { provide: APP_GUARD, useExisting: AccessGuard },
    {
      provide: CREDENTIALS_HANDOVER,
      inject: [SETTINGS, LOG],
      useFactory: (settings: Settings, log: Log): CredentialsHandover => handOverByTerminalOrFile(settings.dataDir, process.stdout, log.child('access')),
    },
  ],
  exports: [AccessService, AccessTokens, UsersService, RefusalAudit, AccessGuard],
})
export class AccessModule {
  /** @param handOver how a made first password reaches a person; without it the terminal, or a 0600 file in the data directory */
  static forRoot(handOver?: CredentialsHandover): DynamicModule {
    return { module: AccessModule, providers: handOver ? [{ provide: CREDENTIALS_HANDOVER, useValue: handOver }] : [] };
  }
}
