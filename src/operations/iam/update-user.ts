import type { Call, Operation } from '../../operation';
import { namedEntity } from './entity-action';
import { rename, renameActions } from './rename';

export const updateUser: Operation<'UpdateUser'> = {
  name: 'UpdateUser',
  readOnly: false,
  audited: ['UserName', 'NewPath', 'NewUserName'],
  accountActions: (call) => renameActions(call, 'iam:UpdateUser', renaming(call)),

  async write(call, change) {
    await rename(call, change, renaming(call));
    return {};
  },
};

function renaming(call: Call<'UpdateUser'>): Parameters<typeof rename>[2] {
  const { NewUserName, NewPath } = call.input;
  return { entity: namedEntity('user', call), newName: NewUserName, newPath: NewPath };
}
