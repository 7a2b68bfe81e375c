import { parentPort } from 'node:worker_threads';
import { TaskRenderer, type RenderTask } from './render-task.js';

/** The thread that renders: task in, result out, in order. */
const renderer = new TaskRenderer();

parentPort?.on('message', (task: RenderTask) => {
  const result = renderer.render(task);
  parentPort?.postMessage(result, result.rendered.flatMap(({ slabs, slabOf, starts, ends }) => [...slabs, slabOf, starts, ends].map(({ buffer }) => buffer as ArrayBuffer)));
});
