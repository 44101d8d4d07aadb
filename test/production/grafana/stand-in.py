#!/usr/bin/env python3
"""Not Grafana: a stand-in that reads the same files as user grafana, in the same sandbox, and answers the few questions of its API that the role asks.

It is as strict as Grafana where that matters: a file that it cannot read, or a data source that it cannot take, ends it.
"""
import base64
import configparser
import hashlib
import json
import os
import re
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

options = dict(word.lstrip('-').split('=', 1) for word in sys.argv[1:] if '=' in word)
data = Path(options['cfg:default.paths.data'])
provisioning = Path(options['cfg:default.paths.provisioning'])


def expanded(value):
    """Values may name files: $__file{/path}."""
    if isinstance(value, dict):
        return {key: expanded(each) for key, each in value.items()}
    if isinstance(value, str):
        return re.sub(r'\$__file\{([^}]+)\}', lambda found: Path(found[1]).read_text().strip(), value)
    return value


def provisioned(kind, key):
    files = sorted((provisioning / kind).glob('*.yaml'))
    return [expanded(entry) for file in files for entry in json.loads(file.read_text() or '{}').get(key, [])]


ini = configparser.RawConfigParser(comment_prefixes=(';', '#'))
with open(options['config']) as file:
    ini.read_file(file)


def setting(section, name):
    return expanded(ini.get(section, name))


sources = {source['uid']: source for source in provisioned('datasources', 'datasources')}
folders = [Path(provider['options']['path']) for provider in provisioned('dashboards', 'providers')]


def dashboards():
    found = [json.loads(file.read_text()) for folder in folders for file in sorted(folder.glob('*.json'))]
    assert all(entry['title'] and re.fullmatch(r'[A-Za-z0-9_-]{1,40}', entry['uid']) for entry in found)
    return found


def digest(password):
    return hashlib.sha256(password.encode()).hexdigest()


# the password of the settings is that of the first start; later the database's counts
database = data / 'grafana.db'
if not database.exists():
    database.write_text(digest(setting('security', 'admin_password')))
dashboards()


def ask(source, path):
    """What Prometheus says to the data source."""
    secure = source['secureJsonData']
    context = ssl.create_default_context(cadata=secure['tlsCACert'])
    with tempfile.NamedTemporaryFile('w') as pair:
        pair.write(secure['tlsClientCert'] + '\n' + secure['tlsClientKey'] + '\n')
        pair.flush()
        context.load_cert_chain(pair.name)
    with urllib.request.urlopen(source['url'] + path, context=context, timeout=20) as response:
        return json.load(response)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        prefix = urlsplit(setting('server', 'root_url')).path.rstrip('/') + '/api/'
        if not url.path.startswith(prefix):
            return self.answer(404, {'message': 'Not found'})
        path = url.path.removeprefix(prefix)
        if path == 'health':
            return self.answer(200, {'database': 'ok', 'version': 'stand-in'})
        name, _, password = base64.b64decode(self.headers.get('Authorization', '').removeprefix('Basic ')).decode().partition(':')
        if name != 'admin' or digest(password) != database.read_text():
            return self.answer(401, {'message': 'Invalid username or password'})
        if path == 'search':
            tags = parse_qs(url.query).get('tag', [])
            found = [entry for entry in dashboards() if set(tags) <= set(entry['tags'])]
            return self.answer(200, [{'uid': entry['uid'], 'title': entry['title'], 'type': 'dash-db'} for entry in found])
        asked = re.fullmatch(r'datasources/(?:uid/([^/]+)/health|proxy/uid/([^/]+)(/.*))', path)
        source = asked and sources.get(asked[1] or asked[2])
        if not source:
            return self.answer(404, {'message': 'Not found'})
        try:
            if asked[2]:
                return self.answer(200, ask(source, f'{asked[3]}?{url.query}'))
            ask(source, '/api/v1/query?query=1%2B1')
            return self.answer(200, {'status': 'OK', 'message': 'Successfully queried the Prometheus API.'})
        except (urllib.error.URLError, OSError) as error:
            return self.answer(400, {'status': 'ERROR', 'message': str(error)})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)


Path(options['pidfile']).write_text(str(os.getpid()))
ThreadingHTTPServer((setting('server', 'http_addr'), int(setting('server', 'http_port'))), Handler).serve_forever()
