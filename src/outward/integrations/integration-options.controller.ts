import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { connectionSection, filterSection, FRAMINGS, HEADER_STYLES, HTTP_AUTHS, HTTP_BODIES, HTTP_KINDS, isHttpKind, OUTPUT_TYPES, outputSection, PROTOCOL_TABLE, PROTOCOLS, SCHEME_PROTOCOL } from '../../model/integration.js';
import { SAMPLE_TYPES } from '../../model/sample-events.js';
import { RequireRight } from '../../platform/access/rights.js';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { createBody } from './integration-body.js';
import { validCombinations } from './integration-rules.js';

const optionsView = z.object({
  protocols: z.array(z.object({
    protocol: z.enum(PROTOCOLS),
    schemes: z.array(z.string()).meta({ description: 'URL schemes that go with this protocol. http:// and https:// fill in protocol http.' }),
    defaultPort: z.int(),
    framings: z.array(z.enum(FRAMINGS)),
    defaultFraming: z.enum(FRAMINGS),
    defaultMaxBytes: z.int(),
    hardMaxBytes: z.int(),
    auths: z.array(z.enum(HTTP_AUTHS)).meta({ description: 'Values of connection.http.auth; empty for protocols that are not over HTTP.' }),
    bodies: z.array(z.enum(HTTP_BODIES)).meta({ description: 'Values of connection.http.body; empty for protocols that are not over HTTP.' }),
  })),
  combinations: z.array(z.object({ protocol: z.enum(PROTOCOLS), outputType: z.enum(OUTPUT_TYPES), header: z.enum(HEADER_STYLES), framing: z.enum(FRAMINGS) })).meta({ description: 'Every combination that is accepted; others are a 400.' }),
  defaults: z.looseObject({}).meta({ description: 'What fills in when the administrator does not say.' }),
  fields: z.looseObject({}).meta({ description: 'JSON Schema of what may be sent, with help texts: forms are made from it.' }),
  sampleTypes: z.array(z.string()).meta({ description: 'Types that POST /api/v1/integrations/{id}/preview has a sample of.' }),
});

const protocols = PROTOCOLS.map((protocol) => ({
  protocol,
  schemes: Object.entries(SCHEME_PROTOCOL).filter(([, filled]) => filled === protocol || (isHttpKind(protocol) && filled === 'http')).map(([scheme]) => scheme),
  ...PROTOCOL_TABLE[protocol],
  framings: [...PROTOCOL_TABLE[protocol].framings],
  auths: [...(HTTP_KINDS[protocol]?.auths ?? [])],
  bodies: [...(HTTP_KINDS[protocol]?.bodies ?? [])],
}));

/** What an integration can be: the tables behind its checks. */
@ApiTags('integrations')
@Controller('api/v1/integration-options')
export class IntegrationOptionsController {
  @Get()
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'Valid combinations and defaults', description: 'Protocols with their defaults, every valid combination of protocol, output type, header and framing, and the fields with their help texts.' })
  @ApiOkResponse({ schema: apiSchema(optionsView, 'output') })
  get(): z.output<typeof optionsView> {
    return {
      protocols,
      combinations: validCombinations(),
      defaults: { enginePool: 'default', protocol: 'tcp', outputType: 'syslog', header: 'rfc5424', enabled: false, connection: connectionSection.parse({}), output: outputSection.parse({}), filter: filterSection.parse({}) },
      fields: apiSchema(createBody),
      sampleTypes: [...SAMPLE_TYPES],
    };
  }
}
