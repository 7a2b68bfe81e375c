import { Schema } from 'mongoose';

/** Who may do one named piece of work now. Free when absent or when `expiresAt` has passed. */
export interface LeaseDocument {
  /** Name of the work, for example `job:audit-janitor`. */
  _id: string;
  /** Random for each claim: whoever renews or frees must show it, so a process that lost its lease cannot touch the next holder's. */
  token: string;
  /** Host name and process id, for people. */
  holder: string;
  claimedAt: Date;
  expiresAt: Date;
}

export const leaseSchema = new Schema<LeaseDocument>(
  { _id: String, token: { type: String, required: true }, holder: { type: String, required: true }, claimedAt: { type: Date, required: true }, expiresAt: { type: Date, required: true } },
  { collection: 'leases', versionKey: false },
);
