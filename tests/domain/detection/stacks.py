"""Minimal trees of every stack; run as a module it writes the golden files anew."""

import json
from pathlib import Path

from shared.domain.detection import MappingTree, Plan, detect

GOLDEN = Path(__file__).parent / "golden"

FLASK = "from flask import Flask\n\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\n\napp = FastAPI()\n"
MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")  # Django\n'
WSGI = "application = get_wsgi_application()\n"
ASGI = "application = get_asgi_application()\n"


def package(**content: object) -> str:
    return json.dumps({"name": "app", "private": True} | content)


STACKS: dict[str, dict[str, str]] = {
    "python-flask-pip": {"requirements.txt": "flask\n", "app.py": FLASK},
    "python-flask-factory-in-src": {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.12"\n'
        'dependencies = ["flask>=3", "psycopg2"]\n[build-system]\nrequires = ["hatchling"]\n',
        "src/shop/__init__.py": "from flask import Flask\n\n"
        "def create_app(config=None):\n    return Flask(__name__)\n",
    },
    "python-fastapi-uv": {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
        'dependencies = ["fastapi", "uvicorn"]\n',
        "uv.lock": "version = 1\n",
        ".python-version": "3.13.1\n",
        "main.py": FASTAPI,
    },
    "python-fastapi-poetry": {
        "pyproject.toml": '[tool.poetry]\nname = "shop"\nversion = "1"\n'
        '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = "*"\n',
        "poetry.lock": "# made by Poetry\n",
        "shop/__init__.py": "",
        "shop/main.py": FASTAPI,
    },
    "python-starlette-pipenv": {
        "Pipfile": '[packages]\nstarlette = "*"\nuvicorn = "*"\n'
        '[requires]\npython_version = "3.12"\n',
        "Pipfile.lock": "{}",
        "backend/main.py": "import db\nfrom starlette.applications import Starlette\n"
        "app = Starlette()\n",
        "backend/db.py": "",
    },
    "python-litestar-pdm": {
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["litestar", "uvicorn"]\n',
        "pdm.lock": "",
        "app.py": "from litestar import Litestar\napp = Litestar([])\n",
    },
    "python-setup-py": {
        "setup.py": 'from setuptools import setup\nsetup(name="x", python_requires=">=3.8",\n'
        '      install_requires=["aiohttp"])\n',
        "server.py": "from aiohttp import web\nweb.run_app(web.Application(), port=9090)\n",
    },
    "python-django": {
        "requirements.txt": "-r requirements/base.txt\ngunicorn\n",
        "requirements/base.txt": "Django==5.2\nmysqlclient\n",
        "manage.py": MANAGE,
        "shop/__init__.py": "",
        "shop/settings.py": "STATIC_ROOT = BASE_DIR / 'static'\nALLOWED_HOSTS = []\n",
        "shop/wsgi.py": WSGI,
    },
    "python-django-channels": {
        "requirements.txt": "django\nchannels\nuvicorn\n",
        "backend/manage.py": MANAGE,
        "backend/shop/wsgi.py": WSGI,
        "backend/shop/asgi.py": ASGI,
    },
    "python-streamlit": {"requirements.txt": "streamlit\n", "app.py": "import streamlit as st\n"},
    "python-script": {"main.py": "print('no dependencies')\n"},
    "python-procfile": {
        "requirements.txt": "flask\n",
        "runtime.txt": "python-3.10.4\n",
        "Procfile": "release: python migrate.py\nweb: cd src && gunicorn site:app\nworker: x\n",
        "src/site.py": FLASK,
    },
    "node-express-npm": {
        "package.json": package(
            scripts={"start": "node server.js"}, dependencies={"express": "^5"}
        ),
        "package-lock.json": "{}",
        "server.js": "app.listen(4000)\n",
    },
    "node-fastify-without-lock": {
        "package.json": package(
            dependencies={"fastify": "5", "bcrypt": "5"}, engines={"node": ">=22"}
        ),
        "index.js": "app.listen({ port: process.env.PORT })\n",
    },
    "node-nest-npm": {
        "package.json": package(
            scripts={
                "build": "nest build",
                "start": "nest start",
                "start:prod": "node dist/main",
                "postinstall": "prisma generate",
            },
            dependencies={"@nestjs/core": "11", "@prisma/client": "6"},
            devDependencies={"@nestjs/cli": "11", "prisma": "6"},
        ),
        "package-lock.json": "{}",
        "prisma/schema.prisma": "",
    },
    "node-next-pnpm": {
        "package.json": package(
            scripts={"build": "next build", "start": "next start -p 3100"},
            dependencies={"next": "15"},
            devDependencies={"typescript": "5"},
        ),
        "pnpm-lock.yaml": "lockfileVersion: '6.0'\n",
        ".nvmrc": "lts/jod\n",
    },
    "node-next-standalone": {
        "package.json": package(
            scripts={"build": "next build", "start": "next start"}, dependencies={"next": "15"}
        ),
        "package-lock.json": "{}",
        "next.config.mjs": "export default { output: 'standalone' }\n",
        "public/icon.svg": "",
    },
    "node-next-export": {
        "package.json": package(scripts={"build": "next build"}, dependencies={"next": "15"}),
        "yarn.lock": "# yarn lockfile v1\n",
        "next.config.js": "module.exports = { output: 'export' }\n",
    },
    "node-vite-yarn-berry": {
        "package.json": package(
            packageManager="yarn@4.9.1",
            scripts={"dev": "vite", "build": "tsc && vite build", "preview": "vite preview"},
            devDependencies={"vite": "6"},
        ),
        "yarn.lock": "__metadata:\n  version: 8\n",
        ".yarnrc.yml": "nodeLinker: node-modules\n",
        "vite.config.ts": "export default { build: { outDir: './public_html' } }\n",
    },
    "node-create-react-app": {
        "package.json": package(
            scripts={"start": "react-scripts start", "build": "react-scripts build"},
            dependencies={"react-scripts": "5"},
        ),
        "package-lock.json": "{}",
    },
    "node-angular": {
        "package.json": package(
            scripts={"start": "ng serve", "build": "ng build"},
            dependencies={"@angular/core": "19"},
        ),
        "package-lock.json": "{}",
        "angular.json": json.dumps(
            {
                "projects": {
                    "shop": {
                        "architect": {
                            "build": {"builder": "@angular-devkit/build-angular:application"}
                        }
                    }
                }
            }
        ),
    },
    "node-sveltekit": {
        "package.json": package(
            scripts={"build": "vite build"},
            devDependencies={"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5", "vite": "6"},
        ),
        "package-lock.json": "{}",
    },
    "node-nuxt": {
        "package.json": package(scripts={"build": "nuxt build"}, dependencies={"nuxt": "3"}),
        "package-lock.json": "{}",
    },
    "node-astro-static": {
        "package.json": package(scripts={"build": "astro build"}, dependencies={"astro": "5"}),
        "package-lock.json": "{}",
    },
    "node-remix": {
        "package.json": package(
            scripts={"build": "remix vite:build", "start": "remix-serve ./build/server/index.js"},
            dependencies={"@remix-run/serve": "2", "@remix-run/node": "2"},
            devDependencies={"vite": "6"},
        ),
        "package-lock.json": "{}",
    },
    "node-bun-hono": {
        "package.json": package(
            scripts={"start": "bun run src/index.ts"}, dependencies={"hono": "4"}
        ),
        "bun.lock": "{}",
    },
    "node-workspaces": {
        "package.json": package(
            workspaces=["packages/*"],
            scripts={"build": "npm run build --workspaces", "start": "node packages/api/index.js"},
        ),
        "package-lock.json": "{}",
        "packages/api/package.json": package(dependencies={"express": "5"}),
        "packages/web/package.json": package(),
    },
    "go-module": {
        "go.mod": "module example.com/shop\n\ngo 1.22\n\n"
        "require github.com/gin-gonic/gin v1.10.0\n",
        "go.sum": "",
        "cmd/shop/main.go": 'package main\n\nfunc main() { r.Run(":9000") }\n',
        "cmd/migrate/main.go": "package main\n\nfunc main() {}\n",
    },
    "go-without-module": {"main.go": "package main\n\nfunc main() {}\n"},
    "rust-axum": {
        "Cargo.toml": '[package]\nname = "shop"\n[dependencies]\naxum = "0.8"\n',
        "Cargo.lock": "",
        "src/main.rs": "fn main() {}\n",
        "rust-toolchain.toml": '[toolchain]\nchannel = "1.82"\n',
    },
    "rust-workspace": {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
        "crates/server/Cargo.toml": '[package]\nname = "server"\n[dependencies]\nrocket = "0.5"\n',
        "crates/server/src/main.rs": "fn main() {}\n",
        "crates/core/Cargo.toml": '[package]\nname = "core"\n',
        "crates/core/src/lib.rs": "",
    },
    "java-maven-spring": {
        "pom.xml": "<project><artifactId>spring-boot-starter-parent</artifactId>"
        "<java.version>21</java.version></project>",
        "src/main/java/Shop.java": "",
    },
    "java-gradle-wrapper": {
        "build.gradle.kts": 'plugins { id("org.springframework.boot") version "3.3.0" }\n'
        "java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }\n",
        "gradlew": "#!/bin/sh\n",
    },
    "ruby-rails": {
        "Gemfile": 'source "x"\nruby "3.2.2"\ngem "rails", "~> 7.1"\ngem "pg"\n',
        "Gemfile.lock": "",
        "config/application.rb": "",
        "app/assets/config/manifest.js": "",
    },
    "ruby-sinatra": {
        "Gemfile": 'gem "sinatra"\ngem "puma"\n',
        "config.ru": "run Sinatra::Application\n",
    },
    "php-laravel": {
        "composer.json": '{"require": {"php": "^8.2", "laravel/framework": "^12", "ext-gd": "*"}}',
        "composer.lock": "{}",
        "artisan": "",
        "public/index.php": "",
    },
    "php-plain": {"index.php": "<?php echo 1;\n"},
    "dotnet-web": {
        "Shop.sln": "",
        "src/Shop/Shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup>'
        "<TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>",
        "src/Core/Core.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>',
    },
    "static-root": {"index.html": "<h1>hello</h1>", "README.md": ""},
    "static-public": {"public/index.html": "<h1>hello</h1>", ".dockerignore": "x\n"},
}


def describe(plan: Plan) -> str:
    """A plan as text: what it decided, why, and the Dockerfile."""
    runtime = plan.runtime
    lines = [
        f"language: {plan.language}",
        f"framework: {plan.framework}",
        f"package manager: {plan.package_manager}",
        f"runtime: {runtime.name} {runtime.version} from {runtime.source}"
        if runtime
        else "runtime:",
        f"port: {plan.port}",
        f"install: {plan.install_command}",
        f"build: {plan.build_command}",
        f"start: {plan.start_command}",
        f"before a deploy: {plan.pre_deploy_command}",
        f"registries: {', '.join(plan.needs_network_registries)}",
        f"base images: {', '.join(plan.base_images)}",
        f"own .dockerignore: {plan.dockerignore is None}",
        *(f"saw: {sentence}" for sentence in plan.evidence),
        *(f"warning: {sentence}" for sentence in plan.warnings),
    ]
    return "\n".join(lines) + f"\n---\n{plan.dockerfile}"


def golden(name: str) -> str:
    return describe(detect(MappingTree(STACKS[name])))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for stack in STACKS:
        (GOLDEN / f"{stack}.txt").write_text(golden(stack))
