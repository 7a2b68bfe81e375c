import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type Model, Schema } from 'mongoose';
import { ConfigModule } from '../../config/config.module.js';
import { settingsFrom } from '../../config/settings.js';
import { LOG, silentLog } from '../../contracts/log.js';
import { embeddedTestUri } from '../../../test/support/documents.js';
import { DocumentStore } from './document-store.js';
import { DocumentsModule } from './documents.module.js';

interface Thing {
  name: string;
}

@Injectable()
class Things {
  readonly model: Model<Thing>;
  constructor(@Inject(DocumentStore) store: DocumentStore) {
    this.model = store.model<Thing>('Thing', new Schema<Thing>({ name: { type: String, unique: true } }));
  }
}
@Global()
@Module({ providers: [{ provide: LOG, useValue: silentLog }], exports: [LOG] })
class LogModule {}

describe('the documents module', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tidegate-module-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  async function start(uri = '') {
    const settings = settingsFrom({ dataDir, mongodb: { uri } });
    const module = await Test.createTestingModule({ imports: [ConfigModule.forRoot(settings), LogModule, DocumentsModule], providers: [Things] }).compile();
    await module.init();
    return { things: module.get(Things).model, close: () => module.close() };
  }

  it('keeps documents under the data directory and has the indexes before services begin', async () => {
    const first = await start();
    await first.things.create({ name: 'a' });
    await expect(first.things.create({ name: 'a' })).rejects.toMatchObject({ code: 11000 });
    await first.close();
    expect((await stat(join(dataDir, 'documents'))).isDirectory()).toBe(true);
    const second = await start();
    expect(await second.things.countDocuments({ name: 'a' })).toBe(1);
    await second.close();
  });

  it('uses MongoDB when its address is set, guarded outside production', async () => {
    const uri = (await embeddedTestUri()).replace('/?', '/from-a-uri?');
    const there = await start(uri);
    await there.things.create({ name: 'b' });
    expect(there.things.db.name).toBe('from-a-uri');
    await expect(there.things.findOne({ $where: 'true' } as never)).rejects.toThrow(/not part of the MongoDB subset/);
    await there.close();
    await expect(stat(join(dataDir, 'documents'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
