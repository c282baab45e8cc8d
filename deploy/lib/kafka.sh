# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The private broker: Kafka (one KRaft node, the jars from Maven Central), or embedded, the mock
# cluster of librdkafka, for machines that cannot reach Maven Central.

kafka_home() {
    printf '%s/%s\n' "$stack_dir" "${setting[BROKER]}"
}

kafka_make_home() {
    mkdir -p -- "$(kafka_home)"
}

kafka_process() {
    if [[ ${setting[BROKER]} == embedded ]]; then
        printf 'tollstream-embe TERM 10\n' # the kernel keeps 15 characters
    else
        printf 'java TERM 30\n'
    fi
}

# The mock cluster chooses its port.
kafka_address() {
    if [[ ${setting[BROKER]} == embedded ]]; then
        printf 'embedded\n'
    else
        printf '127.0.0.1:%s\n' "${setting[KAFKA_PORT]}"
    fi
}

kafka_url() {
    if [[ -n ${setting[KAFKA]} ]]; then
        printf '%s\n' "${setting[KAFKA]}"
    elif [[ ${setting[BROKER]} == embedded ]]; then
        cat -- "$(kafka_home)/bootstrap" 2>/dev/null || printf 'unknown\n'
    else
        kafka_address
    fi
}

kafka_controller_port() {
    printf '%s\n' $((setting[KAFKA_PORT] + 1))
}

kafka_ports() {
    [[ ${setting[BROKER]} == embedded ]] || printf '%s\n' "${setting[KAFKA_PORT]}" "$(kafka_controller_port)"
}

kafka_start() {
    "kafka_start_${setting[BROKER]}" "$(kafka_home)"
}

kafka_start_kafka() {
    local home=$1 libs
    libs=$(kafka_libs)
    cp -- "$deploy_dir/kafka/log4j.properties" "$home/log4j.properties"
    kafka_config "$home" >"$home/server.properties"
    [[ -e $home/data/meta.properties ]] || kafka_format "$home" "$libs"
    process_spawn "$home" "$(kafka_address)" "$(java_path)" \
        -Xms256m "-Xmx${setting[KAFKA_HEAP]}" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
        -Djava.awt.headless=true "-Dlog4j.configuration=file:$home/log4j.properties" \
        -cp "$libs/*" kafka.Kafka "$home/server.properties"
}

java_path() {
    local path=${JAVA_HOME:+$JAVA_HOME/bin/java}
    path=${path:-$(command -v java || true)}
    [[ -x $path ]] || die "java is missing: run deploy/install"
    printf '%s\n' "$path"
}

# The folder of Kafka's jars: a given one (an unpacked distribution's libs), or the cached ones.
kafka_libs() {
    local libs=${TOLLSTREAM_KAFKA_LIBS:-}
    if [[ -z $libs ]]; then
        libs=$(cache_dir)/kafka-$(hash_of "$deploy_dir/kafka/pom.xml")
        [[ -d $libs ]] || kafka_fetch "$libs"
    fi
    compgen -G "$libs/kafka_2.1*.jar" >/dev/null || die "no kafka_2.1*.jar in $libs"
    printf '%s\n' "$libs"
}

kafka_fetch() (
    libs=$1
    take_lock kafka-jars
    [[ ! -d $libs ]] || return 0
    command -v mvn >/dev/null || die "mvn is missing: run deploy/install"
    say "  fetching Kafka's jars from Maven Central (46 MB, once, into $libs)"
    rm -rf -- "$libs.new"
    mkdir -p -- "$libs.new"
    cp -- "$deploy_dir/kafka/pom.xml" "$libs.new/pom.xml" # Maven leaves nothing in the tree
    timeout 900 mvn -q -B -C -Dstyle.color=never -f "$libs.new/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
        "-DoutputDirectory=$libs.new" >"$libs.log" 2>&1 </dev/null || {
        head -n 4 -- "$libs.log" >&2
        die "Kafka's jars could not be fetched from Maven Central (log: $libs.log).
Behind a proxy or mirror: name it in ~/.m2/settings.xml. With an unpacked Kafka 3.9 at hand:
TOLLSTREAM_KAFKA_LIBS=<its libs folder>. Without either: deploy/stack up --broker embedded"
    }
    mv -- "$libs.new" "$libs"
)

kafka_format() {
    local home=$1 libs=$2 id
    rm -rf -- "$home/data" # at most half formatted
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB')
    "$(java_path)" "-Dlog4j.configuration=file:$home/log4j.properties" -XX:TieredStopAtLevel=1 \
        -cp "$libs/*" kafka.tools.StorageTool format --cluster-id "${id:0:22}" \
        --config "$home/server.properties" >"$home/format.log" 2>&1 </dev/null || {
        tail -n 20 -- "$home/format.log" >&2
        die "kafka: the data folder could not be formatted, see $home/format.log"
    }
}

# One node on a small heap: internal topics without replicas and with few partitions, a small buffer
# for the log cleaner (its 128 MiB default does not fit), no wait for more members of a group.
# Sessions may be as short as tests want them. The controller forgets a killed broker after its
# session: the 9 s default would be the time a restart after a kill takes.
kafka_config() {
    local port=${setting[KAFKA_PORT]} controller_port
    controller_port=$(kafka_controller_port)
    cat <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$1/data
auto.create.topics.enable=false
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
EOF
}

kafka_start_embedded() {
    local home=$1 tool topic
    local -a topics=()
    tool=$(tool_path tollstream-embedded-broker "$deploy_dir/embedded-broker/main.c")
    for topic in ${setting[EMBEDDED_TOPICS]}; do
        topics+=(--topic "$topic")
    done
    rm -f -- "$home/bootstrap"
    process_spawn "$home" "$(kafka_address)" "$tool" --bootstrap-file "$home/bootstrap" "${topics[@]}"
}

# A private broker must take a message; in somebody else's no topic is made.
kafka_probe() {
    local probe url
    local -a mode=(--produce tollstream-stack-probe --create)
    probe=$(tool_path kafka-probe "$deploy_dir/kafka/probe.c")
    url=$(kafka_url)
    if [[ $url == unknown ]]; then
        printf 'its address is not known yet\n'
        return 1
    fi
    [[ -z ${setting[KAFKA]} ]] || mode=()
    [[ -n ${setting[KAFKA]} || ${setting[BROKER]} == kafka ]] || mode=(--produce tollstream-stack-probe)
    "$probe" "$url" 2000 "${mode[@]}" 2>&1
}
