#!/usr/bin/env python3
"""Makes typed clients from the OpenAPI document of a server.

    examples/clients/generate.py http://127.0.0.1:8080/mvapireq/openapi.json

writes python/strowger_api.py and typescript/strowger_api.ts beside this file. Commands that the server does not
have yet are left out; make the clients again after an update. Needs the standard library only.
"""

import json
import keyword
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = {"string": "str", "number": "Number", "integer": "int", "boolean": "bool", "null": "None",
          "array": "list[Any]", "object": "dict[str, Any]", "any": "Any"}
TYPESCRIPT = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null",
              "array": "unknown[]", "object": "Record<string, unknown>", "any": "unknown"}


def commands(document):
    """The commands that work: name, declaration, parameters, forms of `data`."""
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        name, post = path.rsplit("/", 1)[1], operations["post"]
        if "x-not-available" in post:
            continue
        request = schemas[f"{name}.request"]
        success = schemas[f"{name}.reply"]["anyOf"][0]
        data = success.get("properties", {}).get("data")
        forms = data.get("anyOf", [data]) if data else []
        parameters = [(field, schema, field in request.get("required", [])) for field, schema in request["properties"].items()]
        # Required ones first: Python wants them there.
        yield name, post, sorted(parameters, key=lambda parameter: not parameter[2]), forms


def types_of(schema, table):
    names = schema.get("type")
    if names is None:
        return table["any"]
    return " | ".join(table[name] for name in ([names] if isinstance(names, str) else names))


def class_name(command):
    return "".join(part.capitalize() for part in command.split("_"))


def python(document):
    lines, methods = [], []
    for name, post, parameters, forms in commands(document):
        results = []
        for number, form in enumerate(forms):
            item = form.get("items", form)
            if item.get("type") == "string":
                results.append("list[str]")
                continue
            made = f"{class_name(name)}Data{number + 1 if number else ''}"
            fields = ", ".join(f'"{field}": {types_of(schema, PYTHON)!r}' for field, schema in item["properties"].items())
            lines.append(f'{made} = TypedDict("{made}", {{{fields}}}, total=False)')
            results.append(f"list[{made}]" if "items" in form else made)
        signature = ["self"]
        for field, schema, required in parameters:
            kind = f"Literal{json.dumps(schema['enum'])}" if "enum" in schema else types_of(schema, PYTHON)
            kind = kind if required else f"{kind} | None"
            signature.append(f"{safe(field)}: {kind}" + ("" if required else " = None"))
        sent = ", ".join(f'"{field}": {safe(field)}' for field, _, _ in parameters)
        methods += [f"    def {safe(name)}({', '.join(signature)}) -> Reply[{' | '.join(results) or 'Any'}]:",
                    f'        """{post["summary"]}"""',
                    f'        return self.request("{name}", {{{sent}}})', ""]
    text = (HERE / "templates" / "client.py").read_text() + "\n".join(lines)
    return text + '\n\n\nclass Client(Transport):\n    """Every command of the server as a method."""\n\n' + "\n".join(methods).rstrip() + "\n"


def safe(name):
    return name + "_" if keyword.iskeyword(name) else name


def typescript(document):
    lines, methods = [], []
    for name, post, parameters, forms in commands(document):
        results = []
        for number, form in enumerate(forms):
            item = form.get("items", form)
            if item.get("type") == "string":
                results.append("string[]")
                continue
            made = f"{class_name(name)}Data{number + 1 if number else ''}"
            lines.append(f"export interface {made} {{")
            for field, schema in item["properties"].items():
                mark = "" if field in item.get("required", []) else "?"
                lines.append(f"  {json.dumps(field)}{mark}: {types_of(schema, TYPESCRIPT)};")
            lines += ["}", ""]
            results.append(f"{made}[]" if "items" in form else made)
        lines.append(f"export interface {class_name(name)}Parameters {{")
        for field, schema, required in parameters:
            kind = " | ".join(json.dumps(word) for word in schema["enum"]) if "enum" in schema else types_of(schema, TYPESCRIPT)
            lines += [f"  /** {schema.get('description', field).replace('*/', '')} */",
                      f"  {json.dumps(field)}{'' if required else '?'}: {kind};"]
        lines += ["}", ""]
        optional = "" if any(required for _, _, required in parameters) else " = {}"
        methods += [f"  /** {post['summary'].replace('*/', '')} */",
                    f"  {name}(parameters: {class_name(name)}Parameters{optional}): Promise<Reply<{' | '.join(results) or 'unknown'}>> {{",
                    f'    return this.request("{name}", parameters);', "  }", ""]
    text = (HERE / "templates" / "client.ts").read_text() + "\n".join(lines)
    return text + "\n/** Every command of the server as a method. */\nexport class Client extends Transport {\n" + "\n".join(methods).rstrip() + "\n}\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = sys.argv[1]
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=30) as answer:
            document = json.load(answer)
    else:
        document = json.loads(Path(source).read_text())
    for folder, name, make in (("python", "strowger_api.py", python), ("typescript", "strowger_api.ts", typescript)):
        target = HERE / folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(make(document))
        print(target)


if __name__ == "__main__":
    main()
