export { recordable } from './recordable';
export {
  auditLine,
  auditRecord,
  type AuditedCall,
  type AuditedCaller,
  type AuditRecord,
  type AuditResource,
} from './record';
export { openAuditWriter, type AuditWriter, type AuditWriterOptions } from './writer';
