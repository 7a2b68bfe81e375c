import { Injectable } from '@nestjs/common';
import { Wake } from '../../platform/wake.js';

/** A command waits, or an integration changed. */
@Injectable()
export class EngineWake extends Wake {}
