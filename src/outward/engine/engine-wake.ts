import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';

/**
 * Tells an engine in this process to look at its documents at once (a command waits, an integration changed) instead of at its next turn.
 * Only ever a hint: engines in other processes do not hear it and find the same by polling.
 */
@Injectable()
export class EngineWake {
  private readonly emitter = new EventEmitter();

  /** Never throws and never waits: a listener only notes that there is work. */
  wake(): void {
    this.emitter.emit('wake');
  }

  /** @returns stops the listening. */
  onWake(listener: () => void): () => void {
    this.emitter.on('wake', listener);
    return () => {
      this.emitter.off('wake', listener);
    };
  }
}
