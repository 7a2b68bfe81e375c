import { Injectable } from '@nestjs/common';
import { Wake } from '../../platform/wake.js';

/** An alert was stored or released. Provided by AlertsModule, which the processor's module imports. */
@Injectable()
export class ProcessorWake extends Wake {}
