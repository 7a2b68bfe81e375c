import { Injectable } from '@nestjs/common';
import { Wake } from '../../../platform/wake.js';

/** An undo was ordered. */
@Injectable()
export class UndoWake extends Wake {}
