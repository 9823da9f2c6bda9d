export { recordable } from './recordable';
export type { AuditedCaller } from './identity';
export { serviceEventRecord, type ServiceEvent, type ServiceEventRecord } from './service-event';
export { auditLine, auditRecord, type AuditedCall, type AuditRecord } from './record';
export { accountOf, type AuditResource } from './resources';
export { openAuditWriter, type AuditWriter, type AuditWriterOptions } from './writer';
