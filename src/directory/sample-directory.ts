/** A small company for the demo, as `POST /api/v1/directory/import` takes it: the samples of the SIEM's contract work on it unchanged (Jane.Doe, group1, memberOf). */
export const SAMPLE_DIRECTORY = {
  identities: [
    { name: 'Mary.Johnson', displayName: 'Mary Johnson', email: 'mary.johnson@example.com', roles: ['Employee', 'Manager', 'Security Officer'], requestsSubmitted: 7 },
    { name: 'John.Smith', displayName: 'John Smith', email: 'john.smith@example.com', manager: 'Mary.Johnson', roles: ['Employee', 'IT Administrator'], requestsSubmitted: 3, requestsTargeting: 1 },
    { name: 'Jane.Doe', displayName: 'Jane Doe', email: 'jane.doe@example.com', manager: 'Mary.Johnson', roles: ['Employee', 'Accountant'], requestsSubmitted: 2, requestsTargeting: 4 },
    { name: 'Adam.Kennedy', displayName: 'Adam Kennedy', email: 'adam.kennedy@example.com', manager: 'John.Smith', roles: ['Employee'] },
    { name: 'Aaron.Nichols', displayName: 'Aaron Nichols', email: 'aaron.nichols@example.com', manager: 'John.Smith', roles: ['Contractor'] },
    { name: 'siemservice', displayName: 'SIEM Service Account', protected: true },
  ],
  applications: [
    { name: 'HR Employees', type: 'DelimitedFile', owner: 'Mary.Johnson', authoritative: true },
    { name: 'Active Directory', type: 'Active Directory - Direct', owner: 'John.Smith', entitlementAttributes: ['memberOf'], passwordChange: true },
    { name: 'Finance', type: 'JDBC', owner: 'Mary.Johnson', entitlementAttributes: ['role'] },
  ],
  entitlements: [
    { application: 'Active Directory', attribute: 'memberOf', value: 'group1', displayName: 'Group 1', owner: 'John.Smith' },
    { application: 'Active Directory', attribute: 'memberOf', value: 'Domain Admins', displayName: 'Domain administrators', owner: 'John.Smith', requestable: false },
    { application: 'Active Directory', attribute: 'memberOf', value: 'VPN Users', displayName: 'Remote access', owner: 'John.Smith' },
    { application: 'Finance', attribute: 'role', value: 'Ledger Clerk', displayName: 'Posts to the ledger', owner: 'Mary.Johnson' },
  ],
  accounts: [
    { application: 'HR Employees', nativeId: '1001', displayName: 'Mary Johnson', identity: 'Mary.Johnson' },
    { application: 'HR Employees', nativeId: '1002', displayName: 'John Smith', identity: 'John.Smith' },
    { application: 'HR Employees', nativeId: '1003', displayName: 'Jane Doe', identity: 'Jane.Doe' },
    { application: 'Active Directory', nativeId: 'Mary.Johnson', displayName: 'Mary Johnson', attributes: { mail: 'mary.johnson@example.com' }, entitlements: [{ attribute: 'memberOf', value: 'VPN Users' }] },
    { application: 'Active Directory', nativeId: 'John.Smith', displayName: 'John Smith', attributes: { mail: 'john.smith@example.com' }, entitlements: [{ attribute: 'memberOf', value: 'Domain Admins' }, { attribute: 'memberOf', value: 'VPN Users' }] },
    { application: 'Active Directory', nativeId: 'Jane.Doe', displayName: 'Jane Doe', attributes: { mail: 'jane.doe@example.com' }, entitlements: [{ attribute: 'memberOf', value: 'group1' }, { attribute: 'memberOf', value: 'VPN Users' }] },
    { application: 'Active Directory', nativeId: 'CN=Adam Kennedy,OU=London,OU=Europe,OU=DemoData,DC=test,DC=sailpoint,DC=com', displayName: 'Adam Kennedy', attributes: { mail: 'adam.kennedy@example.com' }, entitlements: [{ attribute: 'memberOf', value: 'group1' }] },
    { application: 'Active Directory', nativeId: 'CN=Aaron Nichols,OU=Singapore,OU=Asia-Pacific,OU=DemoData,DC=test,DC=sailpoint,DC=com', displayName: 'Aaron Nichols', identity: 'Aaron.Nichols' },
    { application: 'Finance', nativeId: 'jdoe', displayName: 'Jane Doe', identity: 'Jane.Doe', owners: ['Mary.Johnson'], entitlements: [{ attribute: 'role', value: 'Ledger Clerk' }] },
  ],
};
