import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const FORGOTTEN_MS = 1500;

interface Pair {
  near: Socket;
  far: Socket;
  silent: boolean;
}

export interface FaultyProxyOptions {
  /** Asked for each connection; what it gives hears every octet that got through to the receiver's machine. */
  tap?: () => (data: Buffer) => void;
}

/** A TCP proxy on 127.0.0.1 between a sender and its receiver that can fail as networks do. */
export class FaultyProxy {
  private readonly pairs = new Set<Pair>();
  private cutting = false;

  private constructor(private readonly server: Server, private readonly target: number, private readonly options: FaultyProxyOptions) {}

  static async start(target: number, options: FaultyProxyOptions = {}): Promise<FaultyProxy> {
    const server = createServer({ allowHalfOpen: true }, (near) => proxy.join(near));
    const proxy = new FaultyProxy(server, target, options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open now carry nothing more and are not ended, as behind a firewall that forgot them; new ones work. */
  silence(): void {
    for (const pair of this.pairs) {
      pair.silent = true;
      pair.near.pause();
      pair.far.pause();
      // The receiver is rid of it after a while, as by its own keep-alive; the sender hears nothing.
      setTimeout(() => pair.far.resetAndDestroy(), FORGOTTEN_MS).unref();
    }
  }

  /** The next data of each connection gets through in part, then both ends see a reset. */
  async cut(forMs: number): Promise<void> {
    this.cutting = true;
    await new Promise((resolve) => setTimeout(resolve, forMs));
    this.cutting = false;
    for (const pair of this.pairs) if (!pair.silent) this.reset(pair);
  }

  async stop(): Promise<void> {
    for (const pair of this.pairs) this.reset(pair);
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket): void {
    const far = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const pair: Pair = { near, far, silent: false };
    this.pairs.add(pair);
    const heard = this.options.tap?.();
    // Only what was written: a receiver that is not there got nothing.
    const written = (data: Buffer) => (error?: Error | null) => {
      if (!error) heard?.(data);
    };
    near.on('data', (data) => {
      if (pair.silent) return;
      if (this.cutting && data.byteLength > 1) {
        near.pause();
        const part = data.subarray(0, data.byteLength >> 1);
        return void far.write(part, (error) => {
          written(part)(error);
          this.reset(pair);
        });
      }
      if (!far.write(data, written(data))) near.pause();
    });
    far.on('data', (data) => {
      if (!pair.silent && !near.write(data)) far.pause();
    });
    near.on('drain', () => pair.silent || far.resume());
    far.on('drain', () => pair.silent || near.resume());
    near.on('end', () => pair.silent || far.end());
    far.on('end', () => pair.silent || near.end());
    for (const socket of [near, far]) {
      socket.on('error', () => pair.silent || this.reset(pair));
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) this.pairs.delete(pair);
      });
    }
  }

  private reset({ near, far }: Pair): void {
    near.resetAndDestroy();
    far.resetAndDestroy();
  }
}
