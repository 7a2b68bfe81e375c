import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestApplication, type TestApplication } from '../../test/support/application.js';
import { MITIGATION_ACTOR } from '../inward/processor/alert-audit.js';
import { Campaigns } from './campaigns.service.js';
import { CertificationModule } from './certification.module.js';

describe('campaigns', () => {
  let application: TestApplication;
  let viewer: string;
  beforeAll(async () => {
    application = await openTestApplication({ imports: [CertificationModule] });
    viewer = await application.user('vera', ['alerts:read']);
    const campaigns = application.http.app.get(Campaigns);
    for (const alertId of ['a1', 'a2', 'a3']) {
      await campaigns.open({ kind: 'application-owner', name: `SIEM Application Certification for : CRM of ${alertId}`, scope: { identity: null, application: { id: 'crm', name: 'CRM' }, entitlement: null }, reviewer: { id: 'ann', name: 'Ann' }, alertId, requestedBy: 'siem' }, MITIGATION_ACTOR);
    }
  });
  afterAll(async () => {
    await application.close();
  });
  const get = (path: string, authorization = viewer) => request(application.url).get(`/api/v1/campaigns${path}`).set('Authorization', authorization);

  it('are listed newest first, by pages and by the alert that asked for them', async () => {
    const { body } = await get('?pageSize=2').expect(200);
    expect(body).toMatchObject({ page: 1, pageSize: 2, pages: 2, total: 3, items: [{ alertId: 'a3' }, { alertId: 'a2' }] });
    expect((await get('?alertId=a2').expect(200)).body).toMatchObject({ total: 1, items: [{ id: 'campaign-a2', kind: 'application-owner', state: 'not-started', reviewer: { name: 'Ann' }, scope: { identity: null, application: { name: 'CRM' }, entitlement: null } }] });
    expect((await get('?page=0').expect(400)).body).toMatchObject({ errors: [{ pointer: '/page' }] });
  });

  it('are read by their id, for those who may read alerts', async () => {
    expect((await get('/campaign-a1').expect(200)).body).toMatchObject({ id: 'campaign-a1', requestedBy: 'siem', createdAt: expect.stringMatching(/Z$/) });
    expect((await get('/campaign-none').expect(404)).body).toMatchObject({ code: 'campaign-not-found' });
    await get('/campaign-a1', await application.user('otto', ['events:read'])).expect(403);
  });
});
