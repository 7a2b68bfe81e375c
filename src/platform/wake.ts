import { EventEmitter } from 'node:events';

/**
 * Tells somebody in this process that there is work, so that it is looked for at once instead of at the next turn. Only ever a hint: other processes do not hear
 * it and find the same by polling. Each use has a subclass of its own, which is also its token; one instance a process.
 */
export abstract class Wake {
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
