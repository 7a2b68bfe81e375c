import { Global, Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { SECRETS } from '../../contracts/secrets.js';
import { SecretBox } from './secret-box.js';

/** Hands the secret box, made from the key file at the start, to everybody who injects SECRETS. */
@Global()
@Module({
  providers: [{ provide: SECRETS, inject: [SETTINGS], useFactory: (settings: Settings) => SecretBox.fromSettings(settings) }],
  exports: [SECRETS],
})
export class SecretsModule {}
