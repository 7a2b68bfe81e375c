/** Counts newline-framed messages on some ports of 127.0.0.1 and notes how old single events are; a process of its own beside a benchmark. */
import { createServer, type AddressInfo } from 'node:net';

const count = Number(process.argv[2] ?? 1);
const messages = new Array<number>(count).fill(0);
let latencies: number[] = [];
/** Off in the rush, where it would cost the sink more than the service; in the steady phase every message is timed, also those that come in bursts. */
let timing = false;

function listen(index: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (data) => {
        const now = Date.now();
        let lines = 0;
        for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) lines++;
        messages[index] = (messages[index] ?? 0) + lines;
        if (timing) for (const line of data.toString('utf8').split('\n')) {
          const time = / (\d{4}-\d\d-\d\dT[0-9:.]+Z) /.exec(line)?.[1];
          if (time) latencies.push(now - Date.parse(time));
        }
      });
      socket.on('end', () => socket.end());
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

const ports = await Promise.all(messages.map((_, index) => listen(index)));
process.on('message', (message) => {
  if (message === 'time') timing = true;
  process.send?.({ messages, latencies });
  latencies = [];
});
process.send?.(ports);
