"""An AWS CLI that is loaded once and forked for each command: loading it is most of what a command takes.

    python3 aws-cli-server.py <directory>

Leaves an executable <directory>/aws there when it is ready: what that is given, its environment, its working directory
and its standard files it hands over, and it ends as the command does. Serves until its standard input ends.
"""

import array
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback

CLIENT = '''#!{python} -IS
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
files = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))]
server.sendmsg([len(said).to_bytes(4, 'big')], files)
server.sendall(said)
ended = server.recv(1)
sys.exit(ended[0] if ended else 255)
'''


def exactly(connection, length):
    received = b''
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            os._exit(255)
        received += part
    return received


def serve(connection):
    """In a process of its own: one command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    files = array.array('i')
    length, passed, _, _ = connection.recvmsg(4, socket.CMSG_LEN(3 * files.itemsize))
    files.frombytes(passed[0][2])
    args, directory, environment = json.loads(exactly(connection, int.from_bytes(length, 'big')))
    for standard, file in enumerate(files):
        os.dup2(file, standard)
        os.close(file)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    # One puts the place of its own data in the environment, the other keeps credentials of roles in the home directory.
    importlib.reload(awscli)
    importlib.reload(assumerole)
    connection.sendall(bytes([command(args) & 255]))
    os._exit(0)


def command(args):
    sys.argv = ['aws', *args]
    try:
        code = clidriver.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def load():
    """A command that reaches nobody loads what commands load."""
    os.environ.update(AWS_ACCESS_KEY_ID='none', AWS_SECRET_ACCESS_KEY='none', AWS_MAX_ATTEMPTS='1')
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_EC2_METADATA_DISABLED='true')
    nowhere = ['--region', 'us-east-1', '--endpoint-url', 'http://127.0.0.1:1']
    kept = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    command(['kms', 'list-keys', *nowhere])
    os.dup2(kept, 2)
    gc.collect()
    gc.freeze()


def end_with_input():
    while os.read(0, 1):
        pass
    os._exit(0)


directory = sys.argv[1]
# Without an AWS CLI of Python's there is no server, and tests use what there is.
import awscli  # noqa: E402
from awscli import clidriver  # noqa: E402
from awscli.customizations import assumerole  # noqa: E402

load()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listening = socket.socket(socket.AF_UNIX)
listening.bind(os.path.join(directory, 'socket'))
listening.listen(64)
program = os.path.join(directory, 'aws')
with open(program + '.new', 'w') as client:
    client.write(CLIENT.format(python=sys.executable, path=os.path.join(directory, 'socket')))
os.chmod(program + '.new', 0o755)
os.rename(program + '.new', program)
threading.Thread(target=end_with_input, daemon=True).start()
while True:
    connection, _ = listening.accept()
    if os.fork() == 0:
        listening.close()
        serve(connection)
    connection.close()
