import type { Call, Operation } from '../../operation';
import { namedEntity } from './entity-action';
import { rename, renameActions } from './rename';

export const updateGroup: Operation<'UpdateGroup'> = {
  name: 'UpdateGroup',
  readOnly: false,
  audited: ['GroupName', 'NewPath', 'NewGroupName'],
  accountActions: (call) => renameActions(call, 'iam:UpdateGroup', renaming(call)),

  async write(call, change) {
    await rename(call, change, renaming(call));
    return {};
  },
};

function renaming(call: Call<'UpdateGroup'>): Parameters<typeof rename>[2] {
  const { NewGroupName, NewPath } = call.input;
  return { entity: namedEntity('group', call), newName: NewGroupName, newPath: NewPath };
}
