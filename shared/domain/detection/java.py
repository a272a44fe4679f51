"""Java and Kotlin projects: Maven and Gradle, with or without their wrapper."""

import re
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.plan import Plan, Runtime

DEFAULT_VERSION: Final = "17"
KNOWN_VERSIONS: Final = ("8", "11", "17", "21", "25")
DEFAULT_PORT: Final = 8080
JAR: Final = f"{APP}/service.jar"
_MAVEN_VERSION: Final = re.compile(
    r"<(?:java\.version|maven\.compiler\.(?:release|target|source)|release)>\s*(?:1\.)?(\d+)"
)
_GRADLE_VERSION: Final = re.compile(
    r"(?:JavaLanguageVersion\.of\(|jvmToolchain\(|(?:source|target)Compatibility\s*=\s*"
    r"(?:JavaVersion\.VERSION_)?['\"]?(?:1[._])?)(\d+)"
)
_FRAMEWORKS: Final = (("spring-boot", "Spring Boot"), ("springframework.boot", "Spring Boot"),
                      ("io.quarkus", "Quarkus"), ("micronaut", "Micronaut"), ("io.ktor", "Ktor"),
                      ("dropwizard", "Dropwizard"), ("io.javalin", "Javalin"))  # fmt: skip


def detect(context: Context) -> Plan | None:
    """The plan of a Maven or Gradle project, None where the tree holds none."""
    manifest = context.first("pom.xml", "build.gradle", "build.gradle.kts")
    if manifest is None:
        return None
    maven = manifest == "pom.xml"
    text = context.read(manifest)
    context.saw(f"{manifest} is there: {'Maven' if maven else 'Gradle'} builds it")
    framework = next((label for name, label in _FRAMEWORKS if name in text), None)
    asked = (_MAVEN_VERSION if maven else _GRADLE_VERSION).search(text)
    runtime = context.version(
        asked.group(1) if asked else None, manifest, KNOWN_VERSIONS, DEFAULT_VERSION, "Java"
    )
    tool = _tool(context, maven=maven)
    default = f"{tool} {_goal(framework, maven=maven)}"
    build = context.settings.build_command or default
    start = context.start(_start(framework), f"{framework or 'the build'} makes a jar")
    port = context.settings.port or DEFAULT_PORT
    file = _dockerfile(context, runtime, build, framework, maven=maven)
    file.env(SERVER_PORT=str(port), QUARKUS_HTTP_PORT=str(port), MICRONAUT_SERVER_PORT=str(port))
    file.start(start, port)
    if framework is None:
        context.warn("the jar must name its main class in its manifest and hold its dependencies")
    return context.plan(
        "Java",
        file,
        start,
        port,
        framework=framework,
        package_manager="maven" if maven else "gradle",
        runtime=runtime,
        build_command=build,
    )


def _tool(context: Context, *, maven: bool) -> str:
    wrapper = "mvnw" if maven else "gradlew"
    if context.has(wrapper):
        context.saw(f"{wrapper} is there and is used")
        return f"sh ./{wrapper}"
    return "mvn" if maven else "gradle"


def _goal(framework: str | None, *, maven: bool) -> str:
    if maven:
        return "--batch-mode -DskipTests package"
    if framework == "Spring Boot":
        return "--no-daemon bootJar"
    return "--no-daemon build -x test"


def _start(framework: str | None) -> str:
    jar = f"{APP}/quarkus-run.jar" if framework == "Quarkus" else JAR
    return f"java $JAVA_OPTS -XX:MaxRAMPercentage=75 -jar {jar}"


def _images(context: Context, version: str, *, maven: bool) -> str:
    if context.has("mvnw" if maven else "gradlew"):
        return f"eclipse-temurin:{version}-jdk"
    return f"maven:3-eclipse-temurin-{version}" if maven else f"gradle:8-jdk{version}"


def _collect(framework: str | None, *, maven: bool) -> str:
    """Shell that puts what is to run below /out: sources, javadoc and plain jars are not it."""
    where = "target" if maven else "build/libs"
    if framework == "Quarkus":
        folder = "target" if maven else "build"
        return f"mkdir -p /out && cp -r {folder}/quarkus-app/. /out/"
    skip = "-not -name '*-sources.jar' -not -name '*-javadoc.jar' -not -name '*-plain.jar'"
    skip += " -not -name 'original-*'"
    return (
        f"mkdir -p /out && jar=$(find . -path '*{where}/*.jar' {skip} -printf '%s %p\\n' "
        "| sort -rn | head -n 1 | cut -d' ' -f2-) && test -n \"$jar\" "
        '&& cp "$jar" /out/service.jar'
    )


def _dockerfile(
    context: Context, runtime: Runtime, build: str, framework: str | None, *, maven: bool
) -> Dockerfile:
    file = Dockerfile(context.generation)
    file.stage(_images(context, runtime.version, maven=maven), "build")
    file.add(f"WORKDIR {APP}")
    file.build_variables()
    cache = ("maven", "/root/.m2") if maven else ("gradle", "/root/.gradle")
    if maven and not context.has("mvnw") and not re.search("<modules>", context.read("pom.xml")):
        file.copy_manifests(["pom.xml"])
        file.run(
            "mvn --batch-mode dependency:go-offline || true",
            caches=[cache],
            registries=["maven"],
            variables=True,
        )
    if not maven:
        file.env(GRADLE_USER_HOME="/root/.gradle")
    file.copy(".", to=".")
    command = f"{build} && {_collect(framework, maven=maven)}"
    file.run(command, caches=[cache], registries=["maven"], variables=True)
    file.stage(f"eclipse-temurin:{runtime.version}-jre")
    file.user()
    file.copy_built("/out/", f"{APP}/", own=True)
    file.add(f"WORKDIR {APP}")
    return file
