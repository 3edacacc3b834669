"""Kafka requests of any kind and version from the schemas in protocol/schema, for looking at brokers by hand.
An implementation of its own: it shares the schemas with the broker, but no code.

    broker = Broker("127.0.0.1", 19092)
    broker.ask("ListOffsets", 5, {"replica_id": -1, "topics": [...]})  # a dict; fields that are left out have defaults
"""
import json
import pathlib
import socket
import struct

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "protocol" / "schema"
FIXED = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q",
         "float64": ">d", "error": ">h"}


class Closed(Exception):
    """The broker closed the connection instead of answering."""


def within(spec, version):
    if spec in (None, "none"):
        return False
    low, _, high = spec.replace("+", "-32767").partition("-")
    return int(low) <= version <= int(high or low)


def load():
    messages = {}
    for path in SCHEMAS.glob("*.json"):
        message = json.loads(path.read_text())
        messages[message["name"]] = message
    return messages


MESSAGES = load()


def put_uvarint(out, value):
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        piece = self.data[self.at:self.at + size]
        if size < 0 or len(piece) < size:
            raise ValueError(f"{size} bytes wanted at {self.at} of {len(self.data)}")
        self.at += size
        return piece

    def fixed(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            [byte] = self.take(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


class Codec:
    """One side of a message in one version."""

    def __init__(self, message, side, version):
        self.version = version
        self.flexible = within(message.get("flexible"), version)
        self.fields = message[side]["fields"]
        self.shared = {s["name"]: s["fields"] for s in message[side].get("structs", [])}

    def nested(self, field):
        return field.get("fields") or self.shared[field["type"].removeprefix("[]")]

    def here(self, fields, tagged):
        return [f for f in fields if ("tag" in f) == tagged and within(f.get("versions", "0+"), self.version)]

    def encode(self, values):
        out = bytearray()
        self.put_struct(out, self.fields, values)
        return bytes(out)

    def put_struct(self, out, fields, values):
        unknown = set(values) - {f["name"] for f in fields}
        if unknown:
            raise KeyError(f"no such fields: {sorted(unknown)}")
        for field in self.here(fields, False):
            self.put(out, field, values.get(field["name"], self.default(field)))
        if not self.flexible:
            return
        tagged = [f for f in self.here(fields, True) if f["name"] in values]
        put_uvarint(out, len(tagged))
        for field in sorted(tagged, key=lambda f: f["tag"]):
            body = bytearray()
            self.put(body, field, values[field["name"]])
            put_uvarint(out, field["tag"])
            put_uvarint(out, len(body))
            out += body

    def default(self, field):
        if "default" in field:
            return field["default"]
        kind = field["type"]
        if kind.startswith("[]"):
            return []
        if kind in FIXED:
            return 0
        if kind in ("bytes", "records", "uuid"):
            return bytes(16) if kind == "uuid" else b""
        return "" if kind == "string" else {}

    def put(self, out, field, value):
        kind = field["type"]
        if kind.startswith("[]"):
            self.put_length(out, None if value is None else len(value), ">i")
            for element in value or []:
                self.put(out, dict(field, type=kind[2:], nullable=None), element)
        elif kind in FIXED:
            out += struct.pack(FIXED[kind], value)
        elif kind == "uuid":
            out += value
        elif kind in ("string", "bytes", "records"):
            data = value.encode() if isinstance(value, str) else value
            self.put_length(out, None if data is None else len(data), ">h" if kind == "string" else ">i")
            out += data or b""
        else:
            if within(field.get("nullable"), self.version):
                out += struct.pack(">b", -1 if value is None else 1)
                if value is None:
                    return
            self.put_struct(out, self.nested(field), value)

    def put_length(self, out, length, form):
        if self.flexible:
            put_uvarint(out, 0 if length is None else length + 1)
        else:
            out += struct.pack(form, -1 if length is None else length)

    def decode(self, reader):
        return self.get_struct(reader, self.fields)

    def get_struct(self, reader, fields):
        values = {f["name"]: self.get(reader, f) for f in self.here(fields, False)}
        if self.flexible:
            tagged = {f["tag"]: f for f in self.here(fields, True)}
            for _ in range(reader.uvarint()):
                tag = reader.uvarint()
                body = Reader(reader.take(reader.uvarint()))
                if tag in tagged:
                    values[tagged[tag]["name"]] = self.get(body, tagged[tag])
                else:
                    values[f"tag {tag}"] = body.data
        return values

    def get(self, reader, field):
        kind = field["type"]
        if kind.startswith("[]"):
            count = self.get_length(reader, ">i")
            element = dict(field, type=kind[2:], nullable=None)
            return None if count is None else [self.get(reader, element) for _ in range(count)]
        if kind in FIXED:
            return reader.fixed(FIXED[kind])
        if kind == "uuid":
            return reader.take(16)
        if kind in ("string", "bytes", "records"):
            length = self.get_length(reader, ">h" if kind == "string" else ">i")
            data = None if length is None else reader.take(length)
            return data.decode() if kind == "string" and data is not None else data
        if within(field.get("nullable"), self.version) and reader.fixed(">b") < 0:
            return None
        return self.get_struct(reader, self.nested(field))

    def get_length(self, reader, form):
        length = reader.uvarint() - 1 if self.flexible else reader.fixed(form)
        return None if length < 0 else length


class Broker:
    """One connection; it is made anew after the broker closed it."""

    def __init__(self, host, port, timeout_s=30):
        self.address, self.timeout_s = (host, port), timeout_s
        self.socket, self.correlation_id = None, 0

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def __del__(self):
        self.close()

    def receive(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                self.close()
                raise Closed
            data += piece
        return data

    def ask(self, api, version, body):
        message = MESSAGES[api]
        request, response = (Codec(message, side, version) for side in ("request", "response"))
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout_s)
        self.correlation_id += 1
        header = struct.pack(">hhih", message["key"], version, self.correlation_id, 4) + b"look"
        frame = header + (b"\0" if request.flexible else b"") + request.encode(body)
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        reader = Reader(self.receive(struct.unpack(">i", self.receive(4))[0]))
        if reader.fixed(">i") != self.correlation_id:
            raise ValueError("the answer to another request")
        if response.flexible and api != "ApiVersions":
            for _ in range(reader.uvarint()):
                reader.uvarint()
                reader.take(reader.uvarint())
        values = response.decode(reader)
        if reader.at != len(reader.data):
            raise ValueError(f"{len(reader.data) - reader.at} bytes behind the answer")
        return values
