import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { PublicRoute, RequireRight } from '../access/rights.js';
import { PrometheusMetrics } from './prometheus-metrics.js';

interface TextResponse {
  setHeader(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** Figures for monitoring, to whoever may read the status. */
@ApiTags('metrics')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: PrometheusMetrics) {}

  @Get()
  @RequireRight('status:read')
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  async scrape(@Res() response: TextResponse): Promise<void> {
    await answer(this.metrics, response);
  }
}

/** The same for everybody: in place of the other with `metrics.public`. */
@ApiTags('metrics')
@Controller('metrics')
export class PublicMetricsController {
  constructor(private readonly metrics: PrometheusMetrics) {}

  @Get()
  @PublicRoute()
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  async scrape(@Res() response: TextResponse): Promise<void> {
    await answer(this.metrics, response);
  }
}

async function answer(metrics: PrometheusMetrics, response: TextResponse): Promise<void> {
  const { contentType, body } = await metrics.text();
  response.setHeader('Content-Type', contentType);
  response.send(body);
}
