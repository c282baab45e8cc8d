# SPDX-License-Identifier: Apache-2.0
"""Records of Avro's single-object encoding, by the schemas in schemas/avro; and of the Confluent wire
format, where a test says which schema each id stands for.

Good records are read by fastavro. Whatever it does not like is read once more by the slow walker
here, only to name what is wrong: the reason codes tell more apart than an exception does."""

import io
import json
import pathlib
import struct

import fastavro
import fastavro.schema

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "schemas/avro"
MARKER = b"\xc3\x01"
REQUIRED = object()


class Refused(Exception):
    """reason: the code that the record's dead letter must have."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def plain(schema):
    """Without logical types: times stay milliseconds."""
    if isinstance(schema, dict):
        return {k: plain(v) for k, v in schema.items() if k != "logicalType"}
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    return schema


def fingerprint(schema):
    """As it goes over the wire; fastavro prints it in that order, too."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def load(path):
    """(fingerprint, parsed schema, its JSON), without logical types"""
    schema = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return fingerprint(schema), fastavro.parse_schema(plain(schema)), plain(schema)


class Walker:
    """Reads a writer's datum as it stands: bytes for strings, symbols for enums."""

    def __init__(self, data, schema):
        self.data = data
        self.at = 0
        self.names = {}
        self.note(schema)

    def note(self, schema):
        if isinstance(schema, list):
            for branch in schema:
                self.note(branch)
        elif isinstance(schema, dict):
            if "name" in schema:
                self.names[schema["name"]] = schema
            for field in schema.get("fields", ()):
                self.note(field["type"])
            for inner in ("items", "values"):
                if inner in schema:
                    self.note(schema[inner])
            if isinstance(schema["type"], (dict, list)):
                self.note(schema["type"])

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise Refused("decode_error")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, bits=64):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= 70:
                raise Refused("decode_error")
        if value >= 1 << 64:
            raise Refused("decode_error")
        value = (value >> 1) ^ -(value & 1)
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise Refused("decode_error")
        return value

    def blocks(self, item):
        found = []
        while count := self.number():
            if count < 0:
                count = -count
                self.number()
            if count > len(self.data):
                raise Refused("decode_error")
            found.extend(item() for _ in range(count))
        return found

    def value(self, schema):
        if isinstance(schema, list):
            branch = self.number()
            if not 0 <= branch < len(schema):
                raise Refused("decode_error")
            return self.value(schema[branch])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, (dict, list)):
            return self.value(kind)
        if kind in self.names and not (isinstance(schema, dict) and "name" in schema):
            return self.value(self.names[kind])
        if kind == "null":
            return None
        if kind == "boolean":
            return self.take(1) == b"\x01"
        if kind in ("int", "long"):
            return self.number(32 if kind == "int" else 64)
        if kind in ("float", "double"):
            form, size = ("<f", 4) if kind == "float" else ("<d", 8)
            return struct.unpack(form, self.take(size))[0]
        if kind in ("bytes", "string"):
            return self.take(self.number())
        if kind == "fixed":
            return self.take(schema["size"])
        if kind == "enum":
            symbol = self.number(32)
            if not 0 <= symbol < len(schema["symbols"]):
                raise Refused("decode_error")
            return Symbol(schema["symbols"][symbol])
        if kind == "array":
            return self.blocks(lambda: self.value(schema["items"]))
        if kind == "map":
            return self.blocks(lambda: (self.take(self.number()), self.value(schema["values"])))
        assert kind == "record", kind
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}


class Symbol(str):
    pass


class Decoder:
    """Of CDRs, whichever known schema wrote them."""

    def __init__(self, extra=(), numbered=None):
        """numbered: {id: schema} of a registry"""
        current = SCHEMAS / "call_detail_record.avsc"
        _, self.reader, self.wanted = load(current)
        files = [current, *sorted((SCHEMAS / "history").glob("call_detail_record*.avsc")), *extra]
        self.writers = {wire: (parsed, schema) for wire, parsed, schema in map(load, files)}
        self.numbered = {
            number: (fastavro.parse_schema(plain(schema)), plain(schema))
            for number, schema in (numbered or {}).items()
        }

    def decode(self, value):
        """The record as a dict; or Refused."""
        if not value:
            raise Refused("decode_error")
        if value[0] == 0 and len(value) >= 5:
            writer, header = self.numbered.get(int.from_bytes(value[1:5], "big")), 5
        elif len(value) >= 10 and value[:2] == MARKER:
            writer, header = self.writers.get(value[2:10]), 10
        else:
            raise Refused("decode_error")
        if writer is None:
            raise Refused("unknown_schema")
        file = io.BytesIO(value)
        file.seek(header)
        try:
            record = fastavro.schemaless_reader(file, writer[0], self.reader)
            if file.tell() == len(value):
                return record
        except Exception:  # whatever it was, the walker names it
            pass
        return self.walk(value[header:], writer[1])

    def walk(self, data, schema):
        walker = Walker(data, schema)
        found = walker.value(schema)
        if walker.at != len(data):
            raise Refused("decode_error")
        record, refused = {}, []
        for field in self.wanted["fields"]:
            try:
                record[field["name"]] = self.resolve(field, found)
            except Refused as err:
                refused.append(err.reason)
        for reason in ("decode_error", "unknown_enum", "missing_field", "invalid_text"):
            if reason in refused:
                raise Refused(reason)
        return record

    @staticmethod
    def resolve(field, found):
        kind = field["type"]
        nullable = isinstance(kind, list)
        if nullable:
            kind = next(branch for branch in kind if branch != "null")
        value = found.get(field["name"])
        if value is None:
            if "default" not in field:
                raise Refused("missing_field")
            return field["default"]
        name = kind["type"] if isinstance(kind, dict) else kind
        if name == "enum":
            if value not in kind["symbols"]:
                raise Refused("unknown_enum")
            return str(value)
        if name == "string":
            return text(value)
        if name == "map":
            return {text(k): text(v) for k, v in value}
        if not isinstance(value, int):
            raise Refused("decode_error")
        return value


def text(value):
    if not isinstance(value, (bytes, Symbol)):
        raise Refused("decode_error")
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise Refused("invalid_text") from None


class Commands:
    """Of the credits topic: the union as it stands now."""

    def __init__(self):
        self.wire, self.schema, _ = load(SCHEMAS / "credit.avsc")

    def decode(self, value):
        """(name of the record, its fields); or Refused."""
        if not value or len(value) < 10 or value[:2] != MARKER:
            raise Refused("decode_error")
        if value[2:10] != self.wire:
            raise Refused("unknown_schema")
        file = io.BytesIO(value)
        file.seek(10)
        try:
            name, fields = fastavro.schemaless_reader(file, self.schema, return_record_name=True)
        except Exception:  # whatever it was
            raise Refused("decode_error") from None
        if file.tell() != len(value):
            raise Refused("decode_error")
        return name.rpartition(".")[2], fields


class Messages:
    """Of an output topic that has one schema: events, dead letters."""

    def __init__(self, name):
        self.wire, self.schema, _ = load(SCHEMAS / f"{name}.avsc")

    def decode(self, value):
        if value is None or value[:2] != MARKER or value[2:10] != self.wire:
            raise Refused("decode_error")
        file = io.BytesIO(value)
        file.seek(10)
        message = fastavro.schemaless_reader(file, self.schema, return_record_name=True)
        if file.tell() != len(value):
            raise Refused("decode_error")
        return message


def attributes(encoded):
    """The map as a settled row keeps it: its Avro encoding as it came."""
    if not encoded:
        return {}
    walker = Walker(bytes(encoded), "null")
    return {text(k): text(v) for k, v in walker.value({"type": "map", "values": "string"})}
