import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { EVENT_LOG, type EventLog } from '../../contracts/event-log.js';
import { DocumentStore } from '../documents/document-store.js';
import { HealthRegistry } from './health-registry.js';

/** The ground that every process stands on; parts above it register their own checks. */
@Injectable()
export class OwnHealthChecks implements OnApplicationBootstrap {
  constructor(private readonly health: HealthRegistry, private readonly modules: ModuleRef) {}

  onApplicationBootstrap(): void {
    const documents = this.find<DocumentStore>(DocumentStore);
    if (documents) this.health.register('documents', () => documents.health());
    const eventLog = this.find<EventLog>(EVENT_LOG);
    if (eventLog) this.health.register('event-log', () => eventLog.health());
  }

  private find<T>(token: Parameters<ModuleRef['get']>[0]): T | undefined {
    try {
      return this.modules.get<T>(token, { strict: false });
    } catch {
      return undefined;
    }
  }
}
