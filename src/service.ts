import { AppModule } from './app.module.js';
import type { Settings } from './config/settings.js';
import { prepareDataDirectory } from './platform/data-directory.js';
import { createHttpApplication, type HttpApplication } from './platform/http/create-http-application.js';
import { OPERATIONS_PATHS } from './platform/http/served-paths.js';
import type { PinoLog } from './platform/telemetry/pino-log.js';
import { ENGINE_VERSION } from './outward/engine/engine.service.js';

export interface RunningService {
  url: string;
  openApiUrl: string;
  docsUrl: string;
  application: HttpApplication;
}

/**
 * The whole service from its settings, started: what `main`, the demo and the flow tests share.
 * @throws with the setting and the fix; nothing stays open then.
 */
export async function startService(settings: Settings, log: PinoLog): Promise<RunningService> {
  const complete: Settings = { ...settings, dataDir: prepareDataDirectory(settings.dataDir) };
  const application = await createHttpApplication(AppModule.forRoot(complete, log), { settings: complete, log, version: ENGINE_VERSION, ...(complete.roles.includes('api') ? {} : { paths: OPERATIONS_PATHS }) });
  try {
    const { url, openApiUrl, docsUrl } = await application.listen();
    return { url, openApiUrl, docsUrl, application };
  } catch (error) {
    await application.close();
    throw error;
  }
}
