import { Global, Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { DIALER } from '../../contracts/dialer.js';
import { NetworkDialer } from './dialer.js';

/** Provides the one dialer under every outgoing connection. Needs SETTINGS from the composition root. */
@Global()
@Module({
  providers: [{ provide: DIALER, inject: [SETTINGS], useFactory: (settings: Settings) => new NetworkDialer(settings.network) }],
  exports: [DIALER],
})
export class NetworkModule {}
