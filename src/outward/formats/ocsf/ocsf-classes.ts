/**
 * The OCSF classes that we use, with the captions of the schema (ocsf/ocsf-schema 1.4.0 to 1.8.0, which agree on all of this). 1.9.0 deprecates 3001 and 3005; a table of its own
 * belongs here once a published validator carries that version.
 */
export interface OcsfClass {
  uid: number;
  name: string;
  category: number;
  categoryName: string;
  activities: Readonly<Record<number, string>>;
  /** Whether the class has `actor` and `src_endpoint`; without them they go to `unmapped`. */
  actor: boolean;
  endpoint: boolean;
}

const IAM = { category: 3, categoryName: 'Identity & Access Management', actor: true, endpoint: true };

export const OCSF_CLASSES = {
  base: { uid: 0, name: 'Base Event', category: 0, categoryName: 'Uncategorized', activities: {}, actor: false, endpoint: false },
  account: { uid: 3001, name: 'Account Change', ...IAM, activities: { 1: 'Create', 2: 'Enable', 3: 'Password Change', 4: 'Password Reset', 5: 'Disable', 6: 'Delete', 9: 'Lock', 12: 'Unlock' } },
  authentication: { uid: 3002, name: 'Authentication', ...IAM, activities: { 1: 'Logon', 2: 'Logoff' } },
  entity: {
    uid: 3004, name: 'Entity Management', ...IAM,
    activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 5: 'Move', 6: 'Enroll', 7: 'Unenroll', 8: 'Enable', 9: 'Disable', 10: 'Activate', 11: 'Deactivate', 12: 'Suspend', 13: 'Resume' },
  },
  access: { uid: 3005, name: 'User Access Management', ...IAM, activities: { 1: 'Assign Privileges', 2: 'Revoke Privileges' } },
  group: { uid: 3006, name: 'Group Management', ...IAM, activities: { 1: 'Assign Privileges', 2: 'Revoke Privileges', 3: 'Add User', 4: 'Remove User', 5: 'Delete', 6: 'Create' } },
  inventory: { uid: 5003, name: 'User Inventory Info', category: 5, categoryName: 'Discovery', activities: { 2: 'Collect' }, actor: true, endpoint: false },
  api: { uid: 6003, name: 'API Activity', category: 6, categoryName: 'Application Activity', activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' }, actor: true, endpoint: true },
  error: { uid: 6008, name: 'Application Error', category: 6, categoryName: 'Application Activity', activities: { 1: 'General Error' }, actor: false, endpoint: false },
} as const satisfies Record<string, OcsfClass>;
export type OcsfClassName = keyof typeof OCSF_CLASSES;

/** What an event is in OCSF. Activity 99 has a name of ours; any other the schema's. */
export interface OcsfActivity {
  in: OcsfClassName;
  id: number;
  name?: string;
}

/** `class_uid` to `type_name`, which are the same text for every event of one activity. `type_uid = class_uid * 100 + activity_id`. */
export function classText({ in: className, id, name }: OcsfActivity): string {
  const { uid, name: caption, category, categoryName, activities }: OcsfClass = OCSF_CLASSES[className];
  const activity = activities[id] ?? 'Other';
  const text = JSON.stringify({
    category_uid: category, category_name: categoryName, class_uid: uid, class_name: caption, activity_id: id, activity_name: name ?? activity, type_uid: uid * 100 + id, type_name: `${caption}: ${activity}`,
  });
  return text.slice(1, -1);
}

/** CEF 0-1 Informational, 2-3 Low, 4-6 Medium, 7-8 High, 9-10 Critical, by event severity. */
export const OCSF_SEVERITY: readonly string[] = [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4].map((index) => `"severity_id":${index + 1},"severity":"${['Informational', 'Low', 'Medium', 'High', 'Critical'][index] ?? ''}"`);

export const OCSF_STATUS: Readonly<Record<string, string>> = {
  success: '"status_id":1,"status":"Success"',
  failure: '"status_id":2,"status":"Failure"',
  unknown: '"status_id":0,"status":"Unknown"',
};
