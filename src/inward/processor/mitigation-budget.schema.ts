import { Schema } from 'mongoose';

/** How many accounts of an application an alert set out to change: what the budget of its client is counted from. */
export interface MitigationBudgetDocument {
  /** `<alert id>:<application id>`, so that a repeat counts once. */
  _id: string;
  client: string;
  applicationId: string;
  accounts: number;
  at: Date;
}

export const mitigationBudgetSchema = new Schema<MitigationBudgetDocument>(
  { _id: String, client: { type: String, required: true }, applicationId: { type: String, required: true }, accounts: { type: Number, required: true }, at: { type: Date, required: true } },
  { collection: 'mitigation_budgets', versionKey: false },
);
mitigationBudgetSchema.index({ client: 1, applicationId: 1, at: 1 });
mitigationBudgetSchema.index({ at: 1 }, { expireAfterSeconds: 7200 });
