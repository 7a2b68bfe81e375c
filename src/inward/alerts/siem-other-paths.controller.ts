import { All, Controller, Req, UseFilters } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import { AcceptBasic, AnyCaller } from '../../platform/access/rights.js';
import type { GateRequest } from '../../platform/http/request.js';
import { SIEM_PATH } from '../../platform/http/siem-paths.js';
import { SiemAnswerFilter } from './siem-answer.js';
import { nothingAt } from './siem-request.js';

/**
 * Every other path of the SIEM's door: 404 in the door's own words, after the 401 that every path of it has, so that a stranger cannot tell which ones there are.
 * The last controller of its module: routes are matched in their order.
 */
@Controller(SIEM_PATH)
@AcceptBasic()
@UseFilters(SiemAnswerFilter)
@AnyCaller()
export class SiemOtherPathsController {
  @All(['', '*path'])
  @ApiExcludeEndpoint()
  unknown(@Req() request: GateRequest): never {
    throw nothingAt(request);
  }
}
