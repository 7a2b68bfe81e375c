import { Global, Module } from '@nestjs/common';
import { StoredSettings } from './stored-settings.js';

/** Settings that are changed while the service runs, for every part that has some. Needs DocumentStore, CLOCK and AuditModule (all global). */
@Global()
@Module({ providers: [StoredSettings], exports: [StoredSettings] })
export class StoredSettingsModule {}
