import { type DynamicModule, Global, Module } from '@nestjs/common';
import { type Clock, CLOCK, systemClock } from '../contracts/clock.js';
import { SETTINGS, type Settings } from './settings.js';

/** Hands the settings, read once at the start, and the clock to everybody who injects SETTINGS or CLOCK. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(settings: Settings, clock: Clock = systemClock): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: SETTINGS, useValue: settings }, { provide: CLOCK, useValue: clock }],
      exports: [SETTINGS, CLOCK],
    };
  }
}
